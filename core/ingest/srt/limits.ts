/** Limits and periods of SRT connections, each with its reason. */
export const SRT_LIMITS = {
  /** Bytes of a UDP payload: an Ethernet frame of 1,500 without the IPv4 and UDP headers. Longer datagrams are ignored. */
  packetBytes: 1_472,
  /** Bytes of a packet's header. */
  headerBytes: 16,
  /** Packets that the receive buffer spans: 10 s at 8 Mb/s, 12 MB at most. A sender that jumps further ahead loses the gap. */
  bufferPackets: 8_192,
  /** Extensions of one handshake: six kinds are defined. */
  handshakeExtensions: 8,
  /** Bytes of the stream id, which the protocol limits. */
  streamIdBytes: 512,
  /** Latency that a sender can ask for, milliseconds: longer outages are the reconnect window's. */
  latencyMs: 8_000,
  /** Packets of one periodic loss report: 1,440 ranges; the next report has the rest. */
  lossReportPackets: 4,
  /** Acknowledgements whose answer is awaited, 2.5 s: one that is older says nothing of the link of now. */
  openAcknowledgements: 256,
  /** Period of full acknowledgements, milliseconds. */
  acknowledgeMs: 10,
  /** Packets after which a light acknowledgement is sent before the period ends. */
  lightAcknowledgePackets: 64,
  /** Shortest time between two reports of the same lost packet, milliseconds. */
  lossReportMs: 20,
  /** Silence of this side after which it sends a keep-alive, milliseconds: libsrt gives up after 5 s. */
  keepAliveMs: 1_000,
  /** Silence of the sender after which the connection is lost, milliseconds. */
  peerSilenceMs: 10_000,
  /** Time between two derivations of a key, milliseconds: each takes about 2 ms of CPU, and new keys come hours apart. */
  keyDerivationMs: 1_000,
  /** Life of a cookie's time window, milliseconds; a cookie is good in its window and the next one. */
  cookieWindowMs: 30_000,
  /** Samples of the sender's clock for one correction: about 10 s of acknowledgements, so that jitter averages out. */
  driftSamples: 1_000,
  /** Largest single correction, microseconds: delivery times may not jump. */
  driftStepUs: 5_000,
} as const;
