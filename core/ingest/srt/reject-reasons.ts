/** Reasons that a refused caller is told; libsrt prints those below 1000 as text. */
export const SRT_REJECT = {
  /** The handshake is malformed. */
  rogue: 4,
  /** Handshakes before version 5, of SRT before 1.3. */
  version: 8,
  /** The passphrase is wrong. */
  badSecret: 10,
  /** The sender does not encrypt, and so proves no secret. */
  unsecure: 11,
  /** Buffer mode instead of messages. */
  messageApi: 12,
  /** A congestion controller other than `live`. */
  congestion: 13,
  /** A packet filter (forward error correction), which is not supported. */
  filter: 14,
  /** A socket group (bonding), which is not supported. */
  group: 15,
  /** A cipher other than AES-CTR. */
  crypto: 17,
  /** The stream id is malformed. */
  badRequest: 1_400,
  /** Too many connections or attempts, or no answer in time. */
  overload: 1_402,
  /** The key is unknown, or the broadcast may not be published now. */
  forbidden: 1_403,
  /** No such stream. */
  notFound: 1_404,
  /** The stream id asks for something else than to publish. */
  badMode: 1_405,
  /** Another sender publishes the stream. */
  conflict: 1_409,
} as const;

/** One of the reasons. */
export type SrtRejectReason = (typeof SRT_REJECT)[keyof typeof SRT_REJECT];
