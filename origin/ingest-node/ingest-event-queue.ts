/** Domain events of one stream's encoders that the edge has not confirmed yet. */
import {
  INGEST_EVENT_LIMITS,
  type IngestEventBody,
  type ReportedIngestEvent,
} from "../../core/events/ingest-events.ts";

/** Events that wait while the edge does not answer; the oldest leaves for one more. */
const MAX_EVENTS = 64;

/** See the file's first line. */
export class IngestEventQueue {
  readonly #newId: () => string;
  #events: ReportedIngestEvent[] = [];

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Those that fit into a report, the oldest first. */
  get next(): readonly ReportedIngestEvent[] {
    return this.#events.slice(0, INGEST_EVENT_LIMITS.perReport);
  }

  push(body: IngestEventBody): void {
    this.#events = [...this.#events, { ...body, id: this.#newId() }].slice(-MAX_EVENTS);
  }

  /** The edge has these. */
  confirm(events: readonly ReportedIngestEvent[]): void {
    const ids = new Set(events.map(({ id }) => id));
    this.#events = this.#events.filter(({ id }) => !ids.has(id));
  }
}
