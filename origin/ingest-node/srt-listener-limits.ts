/** Limits of an SRT listener, each with its reason. A caller beyond one is refused with `overload`, or not answered. */
export const SRT_LISTENER_LIMITS = {
  /** Connections and callers that are being decided: each may buffer 12 MB, and a node serves about 60 broadcasts a core. */
  connections: 512,
  /** The same from one network: a studio with all its encoders, also behind one address. */
  connectionsPerNetwork: 32,
  /** Look-ups of passphrases at once; the edge answers in tens of milliseconds. */
  lookups: 64,
  /** Look-ups that wait for one of the same key. */
  lookupsPerKey: 4,
  /** Look-ups of one network: a wrong id costs its sender more than this side. */
  lookupRate: { perSecond: 1, burst: 40 },
  /** Time for a look-up, milliseconds: libsrt's callers wait 3 s in all. */
  lookupMs: 2_000,
  /** Time for the node to accept or refuse a sender, milliseconds. */
  decisionMs: 3_000,
  /** Callers whose refusal is repeated without another check. */
  refusals: 2_048,
  /** Period of the work that is due, milliseconds: that of acknowledgements. */
  tickMs: 10,
  /** Time between two ticks that shows the process to be busy or suspended, milliseconds: nothing is given up for it. */
  lateTickMs: 50,
  /** Bytes of the socket's receive buffer: 250 ms of 50 senders at 2.7 Mb/s. Linux may give less; macOS refuses 8 MB. */
  socketBufferBytes: 4_194_304,
} as const;
