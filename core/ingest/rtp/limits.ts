/** Limits and periods of RTP sessions, each with its reason. */
export const RTP_LIMITS = {
  /** Bytes of a UDP payload: browsers send at most 1,200, encoders what an Ethernet frame holds. Longer ones are ignored. */
  packetBytes: 1_500,
  /** Packets that the reorder buffer spans: 2 s at 10 Mb/s, 3 MB at most. A sender that jumps further ahead loses the gap. */
  bufferPackets: 2_048,
  /** Packets in a row from far before the buffer, after which the sender's numbers are taken to have begun anew. */
  strayPackets: 64,
  /** Time that a missing packet of video has to come, milliseconds: several round trips; without loss nothing waits. */
  videoRepairMs: 450,
  /** The same of sound, which browsers do not repeat: only reordered packets are waited for. */
  audioRepairMs: 80,
  /** Time after which a keyframe is asked for beside a missing packet: it ends the freeze if that one never comes. */
  doubtMs: 200,
  /** Requests for one missing packet. */
  repairRequests: 10,
  /** Shortest time between two requests for one packet, milliseconds, and the time while the round trip is unknown. */
  repairStepMs: 20,
  unknownRoundTripMs: 80,
  /** Sequence numbers of one NACK message: 512 bytes at most, so that it fits one datagram with the feedback. */
  repairBatch: 128,
  /** Bytes of one picture, and its NAL units. A 4K keyframe is under 4 MiB. */
  pictureBytes: 8_388_608,
  nalUnits: 512,
  /** Distance of keyframes that are asked for, milliseconds: that of segments. */
  keyframeMs: 2_000,
  /** Time between two requests for a keyframe that has not come, milliseconds: browsers answer three a second. */
  keyframeStepMs: 400,
  /** Period of receiver reports, milliseconds. */
  reportMs: 1_000,
  /** Period of transport-wide feedback, milliseconds, and the packets of one: browsers estimate their rate from it. */
  feedbackMs: 50,
  feedbackPackets: 256,
  /** Reports of one RTCP datagram that are read. */
  reports: 32,
  /** An offset of sound and picture in sender reports that differs by more from the times of arrival is not believed, seconds. */
  offsetS: 2,
} as const;
