/** Limits of mailed sign-in links. */

/** How many links may be asked for within a time. */
export interface MailLinkRate {
  readonly most: number;
  readonly withinMs: number;
}

/** Each with its reason. Who exceeds one gets no mail and is not told, as it may be somebody else's address. */
export const MAIL_LINK_LIMITS: {
  readonly lifetimeMs: number;
  readonly perAddress: readonly MailLinkRate[];
  readonly perNetwork: readonly MailLinkRate[];
  readonly keptMs: number;
} = {
  /** A link is valid for so long: greylisting delays a first mail by minutes. */
  lifetimeMs: 900_000,
  /** Of one mailbox, see `mailboxOf`: a mail that was lost, and a day's sign-ins on several devices; nobody floods it. */
  perAddress: [
    { most: 3, withinMs: 900_000 },
    { most: 10, withinMs: 86_400_000 },
  ],
  /** Of one IPv4 address or IPv6 /48: a class that signs in together. */
  perNetwork: [{ most: 30, withinMs: 3_600_000 }],
  /** Links are remembered for so long: the longest of these times. */
  keptMs: 86_400_000,
};

/** A link that somebody asked for. Address and network are codes that only the edge can compute. */
export interface MailLinkRequest {
  /** SHA-256 of the link's secret. */
  readonly hash: string;
  readonly address: string;
  /** Null where the platform does not tell it. */
  readonly network: string | null;
}
