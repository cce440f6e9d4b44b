/** Limits of an RTMP sender's input. A sender that exceeds one loses its session, with a sentence that names the limit. */
export const RTMP_LIMITS = {
  /** Least chunk size that a sender may set: the protocol's default. Smaller chunks cost more headers than payload. */
  minChunkBytes: 128,
  /** Largest effective chunk size: no message is longer, so larger settings mean "one chunk a message". */
  maxChunkBytes: 16_777_215,
  /** Bytes of one message: a 4K keyframe is under 4 MiB, and one message may hold the keyframes of several tracks. */
  messageBytes: 8_388_608,
  /** Bytes of one message before the sender publishes: a `connect` with its codec lists is about 1 KiB. */
  commandBytes: 16_384,
  /** Bytes of all incomplete messages: senders interleave audio with at most one large video message. */
  partialBytes: 16_777_216,
  /** Chunk streams of a connection: encoders use at most 8. */
  chunkStreams: 64,
  /** Bytes before `publish`: the handshake has 3,073, the commands of encoders about 2,000. */
  bytesBeforePublish: 65_536,
  /** Bytes of the messages that wait for the decision on `publish`: encoders wait for it themselves. */
  heldBytes: 131_072,
  /** Depth of nested AMF values: encoders send two levels, multitrack metadata four. */
  amfDepth: 8,
  /** AMF values of one message: metadata has about 20, of 16 tracks about 200. */
  amfValues: 1_024,
  /** Bytes of an AMF string: a publish name with a signed token is about 1 KiB. */
  amfStringBytes: 8_192,
  /** Message streams that a connection may create: encoders publish on the first. */
  messageStreams: 8,
  /** Tracks of one media kind: multitrack encoders send at most 6. */
  tracksPerMedia: 16,
  /** Bytes of a decoder configuration record: those with all parameter sets are under 1 KiB. */
  recordBytes: 16_384,
  /** Characters of a stream key. */
  keyCharacters: 2_048,
  /** Characters of the encoder's name that are kept. */
  encoderCharacters: 200,
} as const;
