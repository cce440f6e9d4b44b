/** One network that parks as many requests as it can, next to requests of others. */
import { expect, test } from "vitest";
import { EDGE_STREAM_LIMITS } from "../../../core/delivery/node-limits.ts";
import { testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import { figure } from "../scale.ts";
import { CountedGateway } from "./counting.ts";

/** The share of one greedy network by `core/kit/fair-pool.ts`, with a margin. */
const GREEDY = EDGE_STREAM_LIMITS.parkedRequests / 5 + 300;

test("one network parks at most a fifth of an isolate's capacity, is refused beyond it at once, and others wait as before", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const gateway = new CountedGateway();
  const playlist = publisher.path("video", "media.m3u8");
  const park = (ip: string): Promise<number> =>
    gateway.ask(`${playlist}?_HLS_msn=0&_HLS_part=2`, { headers: { "cf-connecting-ip": ip } });
  expect(await gateway.ask(playlist)).toBe(200);
  // Any address of a network counts.
  const greedy = Array.from({ length: GREEDY }, (_, n) => park(`2001:db8::${n.toString(16)}`));
  const refused = await Promise.race([Promise.any(greedy), scheduler.wait(10_000)]);
  expect(refused).toBe(503);
  const others = Array.from({ length: 50 }, (_, n) => park(`198.51.100.${n}`));
  await publisher.putParts(2, 3);
  for (const status of await Promise.all(others)) expect(status).toBe(200);
  const statuses = await Promise.all(greedy);
  const parked = statuses.filter((status) => status === 200).length;
  figure(`parked requests of one network that sent ${GREEDY}`, parked, EDGE_STREAM_LIMITS.parkedRequests / 5);
  expect(parked).toBeLessThanOrEqual(EDGE_STREAM_LIMITS.parkedRequests / 5);
  expect(parked).toBeGreaterThan(EDGE_STREAM_LIMITS.parkedRequests / 10);
});
