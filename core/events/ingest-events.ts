/** Domain events of a stream's encoders. Ingest nodes tell them with their health reports; a handover is the edge's own. */

/** What an ingest node tells. */
export type IngestEventBody =
  /** An encoder is connected, and its key may publish. */
  | { readonly kind: "ingest-connected"; readonly protocol: string }
  /** It is connected again, and continues the broadcast that waited for it. */
  | { readonly kind: "ingest-resumed"; readonly protocol: string }
  /** An encoder with a good key was refused, for its media or by the edge; `reason` is a sentence. */
  | { readonly kind: "ingest-refused"; readonly reason: string }
  /** It said goodbye, its link broke, it sent something invalid, or it was cut. */
  | { readonly kind: "ingest-disconnected"; readonly reason: IngestEndReason }
  /** A check was raised, also with another severity than before, or is over. */
  | { readonly kind: "health-raised"; readonly check: string; readonly severity: string }
  | { readonly kind: "health-cleared"; readonly check: string };

/** Why an encoder is gone. */
export type IngestEndReason = "goodbye" | "lost" | "invalid" | "closed";
export const INGEST_END_REASONS: readonly IngestEndReason[] = ["goodbye", "lost", "invalid", "closed"];

/** An event as a node tells it, until the edge has confirmed it. */
export type ReportedIngestEvent = IngestEventBody & {
  /** Unique: the edge stores an event once, however often it is told. */
  readonly id: string;
};

/** Limits of events, each with its reason. */
export const INGEST_EVENT_LIMITS = {
  /** Events in a report; the others follow with the next one. */
  perReport: 16,
  /** Characters of ids, of checks, severities and protocols, and of a reason. */
  idChars: 64,
  nameChars: 32,
  reasonChars: 400,
  /**
   * Events that a stream stores: a flood of them must not push others out of the outbox, which has 10,000 of a day. Further
   * ones are dropped.
   */
  rate: { perSecond: 0.05, burst: 40 },
} as const;
