/** Limits of MPEG transport streams, each with its reason. What exceeds one is left out and counted. */
export const MPEG_TS_LIMITS = {
  /** Bytes of a transport packet. */
  packetBytes: 188,
  /** Elementary streams of a program that are read: several videos and languages; other PIDs cost nothing. */
  streams: 16,
  /** Bytes of one PES packet: a 4K keyframe is under 4 MiB. */
  pesBytes: 8_388_608,
  /** Bytes of a section of PAT or PMT: `section_length` is at most 1,021. */
  sectionBytes: 1_024,
  /** NAL units of one access unit: 600 slices are the most that a level allows. */
  nalUnits: 1_024,
  /** Bytes of an ADTS frame, whose length field has 13 bits. */
  adtsBytes: 8_191,
  /** Audio frames of one PES packet: FFmpeg packs about 8. */
  audioFrames: 512,
  /** Bytes from which a PES packet with a length may be continued by one without a time: the length field has 16 bits. */
  continuedPesBytes: 60_000,
} as const;
