/** Limits of a WHIP listener, each with its reason, and what the one who exceeds it is told. */
export const WHIP_LISTENER_LIMITS = {
  /** Sessions of a node, those that are being decided included: each may buffer 3 MB. One more gets 503. */
  sessions: 256,
  /** The same of one network: a studio with all its browsers, also behind one address. One more gets 503. */
  sessionsPerNetwork: 16,
  /** Offers of one network: a page tries again every few seconds. More get 429. */
  offerRate: { perSecond: 1, burst: 20 },
  /** Time for the node to accept or refuse a sender, milliseconds; then the offer is refused. */
  decisionMs: 8_000,
  /** Time from the answer to the end of the DTLS handshake, milliseconds; then the session ends. */
  connectMs: 10_000,
  /** Silence after which a session is lost, milliseconds: browsers send sound 50 times a second. */
  silenceMs: 10_000,
  /** Bytes of a sender's DTLS records before its handshake is complete: a real one has under 4 kB. Further ones are dropped. */
  handshakeBytes: 65_536,
  /** An address is its session's for this long after media from there, milliseconds: nobody else's check can take it. */
  ownAddressMs: 2_000,
  /** Addresses of one session: a phone that changes its network has two. The oldest one is forgotten. */
  addresses: 8,
  /** Sources of one session whose SRTP state is kept: picture, sound, retransmissions, and some that begin anew. */
  sources: 16,
  /** Period of the work that is due, milliseconds. */
  tickMs: 10,
  /** Bytes of the socket's receive buffer: 250 ms of 50 senders at 2.7 Mb/s. */
  socketBufferBytes: 4_194_304,
  /** Time for a request's head and body, milliseconds, how often it is looked at, and connections. */
  requestMs: 10_000,
  requestCheckMs: 1_000,
  httpConnections: 512,
} as const;
