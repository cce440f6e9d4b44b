import { expect, test } from "vitest";
import { INGEST_EVENT_LIMITS, type IngestEventBody } from "../../core/events/ingest-events.ts";
import { IngestEventQueue } from "./ingest-event-queue.ts";

const CLEARED: IngestEventBody = { kind: "health-cleared", check: "starved" };

function createQueue(): IngestEventQueue {
  let ids = 0;
  return new IngestEventQueue(() => {
    ids += 1;
    return `event-${ids}`;
  });
}

test("events are told in order, with the same ids until they are confirmed", () => {
  const queue = createQueue();
  queue.push({ kind: "ingest-connected", protocol: "srt" });
  queue.push(CLEARED);
  const first = queue.next;
  expect(first).toEqual([
    { id: "event-1", kind: "ingest-connected", protocol: "srt" },
    { id: "event-2", ...CLEARED },
  ]);
  queue.push(CLEARED);
  expect(queue.next.slice(0, 2)).toEqual(first);
  queue.confirm(first);
  expect(queue.next).toEqual([{ id: "event-3", ...CLEARED }]);
});

test("a report has a bounded number of events, and the oldest leave while the edge does not answer", () => {
  const queue = createQueue();
  for (let count = 0; count < 100; count += 1) queue.push(CLEARED);
  expect(queue.next).toHaveLength(INGEST_EVENT_LIMITS.perReport);
  const told: string[] = [];
  for (let events = queue.next; events.length > 0; events = queue.next) {
    told.push(...events.map(({ id }) => id));
    queue.confirm(events);
  }
  expect(told).toHaveLength(64);
  expect(told.at(-1)).toBe("event-100");
});
