/**
 * Credentials that begin no session any more, as an isolate has learned from the Live object: whoever has an expired or used-up
 * key may send it at any rate. Their running sessions go on.
 */
import type { ProblemDocument } from "../../core/api/problems.ts";
import { PUBLISH_PROBLEM_TYPES } from "../../core/ingest/publish-api.ts";
import type { PublishRefusal } from "../../core/ingest/publish-result.ts";
import type { PublisherIdentity } from "../../core/ingest/publisher-identity.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";

/** Limits, each with its reason. */
const ENDED_CREDENTIAL_LIMITS = {
  /** Remembered credentials; the least recently used half is dropped first, and asked about again. */
  entries: 4_096,
  /** An end is final, but a session of the credential may have ended, or a clock may have been set. */
  ttlMs: 5_000,
} as const;

interface EndedCredential {
  readonly problem: ProblemDocument;
  readonly sessions: readonly string[];
  readonly untilMs: number;
}

/** The ended credentials that one isolate knows. */
export class EndedCredentials {
  readonly #known = new BoundedMap<string, EndedCredential>(ENDED_CREDENTIAL_LIMITS.entries);

  /** The refusal of a publisher whose credential has ended, and whose session does not go on, or null. */
  findRefusal(publisher: PublisherIdentity, monotonicMs: number): ProblemDocument | null {
    const ended = this.#known.get(nameOf(publisher));
    if (ended === undefined || monotonicMs > ended.untilMs || ended.sessions.includes(publisher.id)) return null;
    return ended.problem;
  }

  /** Records a refusal, if it is for the end of a credential. */
  record(publisher: PublisherIdentity, { problem, sessions = [] }: PublishRefusal, monotonicMs: number): void {
    const { keyExpired, keyUsed } = PUBLISH_PROBLEM_TYPES;
    if (problem.type !== keyExpired && problem.type !== keyUsed) return;
    const untilMs = monotonicMs + ENDED_CREDENTIAL_LIMITS.ttlMs;
    this.#known.set(nameOf(publisher), { problem, sessions, untilMs });
  }
}

const nameOf = ({ stream, credential }: PublisherIdentity): string =>
  encodeCompositeKey(stream, credential.kind, credential.kind === "key" ? credential.hash : credential.claims.id);
