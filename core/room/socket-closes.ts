/** The close codes of sockets. */

const SOCKET_CLOSE_CODES = {
  malformed: { code: 4400, again: "never" },
  /** The reason names the fault of the token, or its absence. */
  token: { code: 4401, again: "never" },
  /** Banned; or, by its reason, not admitted by the playback policy. */
  banned: { code: 4403, again: "never" },
  slow: { code: 4408, again: "soon" },
  moved: { code: 4410, again: "soon" },
  tooLarge: { code: 4413, again: "never" },
  binary: { code: 4415, again: "never" },
  rateLimited: { code: 4429, again: "later" },
  /** The stream was stopped; the reason is the stop's category. */
  stopped: { code: 4451, again: "later" },
  /** The reason is the number of seconds over which to spread the reconnect. */
  comeBack: { code: 4503, again: "later" },
} as const;
/** Name of a close. */
export type SocketCloseName = keyof typeof SOCKET_CLOSE_CODES;

/** Why a socket was closed: its code, and whether a client may reconnect (`later`: after a long, spread delay). */
export const SOCKET_CLOSES: Readonly<
  Record<SocketCloseName, { readonly code: number; readonly again: "never" | "soon" | "later" }>
> = SOCKET_CLOSE_CODES;
