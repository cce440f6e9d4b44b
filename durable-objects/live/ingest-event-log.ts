/** Domain events that an ingest node tells with its reports: each is stored once, and a bounded number of them. */
import {
  INGEST_EVENT_LIMITS,
  type IngestEventBody,
  type ReportedIngestEvent,
} from "../../core/events/ingest-events.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";

/** Ids that are known without a look into the outbox: those of the reports of some seconds. */
const RECENT_IDS = 128;

/** See the file's first line. */
export class IngestEventLog {
  readonly #clock: Clock;
  readonly #append: (body: IngestEventBody, id: string) => void;
  readonly #recent = new BoundedMap<string, true>(RECENT_IDS);
  #bucket: TokenBucket | undefined;

  /** `append` stores an event unless one with its id is kept. */
  constructor(clock: Clock, append: (body: IngestEventBody, id: string) => void) {
    this.#clock = clock;
    this.#append = append;
  }

  /** Stores the events that are new; those above the rate are dropped. */
  store(events: readonly ReportedIngestEvent[]): void {
    for (const { id, ...body } of events) {
      if (this.#recent.get(id) !== undefined) continue;
      this.#recent.set(id, true);
      const nowMs = this.#clock.monotonicMs();
      const { bucket, ok } = takeTokens(this.#bucket, INGEST_EVENT_LIMITS.rate, nowMs, 1);
      this.#bucket = bucket;
      if (ok) this.#append(body, id);
    }
  }
}
