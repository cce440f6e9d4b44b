/** Limits of WHIP signalling, each with its reason. */
export const WHIP_LIMITS = {
  /** Bytes of an offer, or of a fragment: a browser's have 3 to 8 kB. Longer ones are refused with 413. */
  sdpBytes: 65_536,
  /** Lines of a description; browsers send some 200. */
  lines: 2_048,
  /** Media sections: one picture, one sound, and some that are rejected. */
  sections: 16,
  /** Characters of a token that the answer repeats: media ids, fragments and passwords of ICE. */
  tokenCharacters: 256,
  /** Bytes of a STUN message, and its attributes: checks have under 150 bytes. */
  stunBytes: 548,
  stunAttributes: 16,
} as const;
