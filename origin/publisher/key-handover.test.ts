/** A broadcast whose key changes: whatever fails meanwhile, it arrives complete, and only the key in use can end it. */
import { afterEach, expect, test } from "vitest";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { parseBroadcastId, parseStreamName, parseTrackName, type TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { PublishError } from "../kit/errors.ts";
import { EagerClock } from "../testing/eager-clock.ts";
import { type EdgeFault, FakeEdge } from "../testing/fake-edge.ts";
import { BroadcastPublisher, type PublisherOptions } from "./broadcast-publisher.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const [STREAM, BROADCAST, VIDEO] = [parseStreamName("demo"), parseBroadcastId("testbroadcast"), parseTrackName("720p")];
if (STREAM === null || BROADCAST === null || VIDEO === null) throw new Error("a name of the test is invalid");
const TRACK: TrackName = VIDEO;
const CONFIG: BroadcastConfig = {
  ...{ broadcast: BROADCAST, startedAtMs: 0, targetDurationS: 2, windowS: 60 },
  tracks: [
    {
      ...{ name: TRACK, kind: "video", codecs: "x", timescale: 90_000, partTargetMs: 333 },
      ...{ bandwidth: 1, averageBandwidth: 1 },
    },
  ],
};

async function setUp(
  more: Partial<PublisherOptions> = {},
): Promise<{ edge: FakeEdge; publisher: BroadcastPublisher; fatal: PublishError[] }> {
  const edge = await new FakeEdge().start();
  stops.push(() => edge.stop());
  edge.keys.add("second");
  const fatal: PublishError[] = [];
  const publisher = new BroadcastPublisher({
    ...{ edge: edge.url, stream: STREAM ?? raise(), key: "secret", publisher: "p1", config: CONFIG },
    platform: { ...systemPlatform, clock: new EagerClock() },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onFatal: (error) => fatal.push(error),
    limits: { retry: { firstMs: 1, maxMs: 4 }, takeoverMs: 2_000, endMs: 10_000 },
    ...more,
  });
  stops.push(() => publisher.close());
  await publisher.open();
  publisher.push({ kind: "init", track: TRACK, version: 0, bytes: Buffer.from("init") });
  return { edge, publisher, fatal };
}

function raise(): never {
  throw new Error("unreachable");
}

function partMeta(count: number): PartMeta {
  const part = count % 4;
  return {
    ...{ msn: Math.floor(count / 4), part, durationTicks: 3_000, independent: part === 0, gap: false },
    ...(part === 0 ? { start: { programTimeMs: count, initVersion: 0, discontinuity: false } } : {}),
    ...(part === 3 ? { close: {} } : {}),
  };
}

async function push(publisher: BroadcastPublisher, from: number, until: number): Promise<void> {
  for (let i = from; i < until; i += 1) {
    publisher.push({ kind: "part", track: TRACK, meta: partMeta(i), bytes: Buffer.from(`part ${i}`) });
    if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function expectWhole(edge: FakeEdge, count: number): void {
  const held = edge.tracks.get(TRACK)?.parts.map(({ bytes }) => bytes.toString());
  expect(held).toEqual(Array.from({ length: count }, (_, i) => `part ${i}`));
}

const FAULTS: readonly EdgeFault[] = ["none", "busy", "slow-down", "drop-before", "drop-after", "crash"];

test.each(FAULTS)("with the fault %s at every handover the broadcast arrives complete", async (fault) => {
  const { edge, publisher, fatal } = await setUp();
  let faults = 0;
  edge.fault = ({ path }) => (path.endsWith("/handover") && faults++ % 2 === 0 ? fault : "none");
  for (let turn = 0; turn < 6; turn += 1) {
    await push(publisher, 20 * turn, 20 * (turn + 1));
    publisher.useKey(turn % 2 === 0 ? "second" : "secret");
  }
  await publisher.end();
  expectWhole(edge, 120);
  expect(fatal).toEqual([]);
  expect(edge.handovers.length).toBeGreaterThan(0);
  expect(edge.ended).toBe(true);
});

test("a former key that is revoked ends nothing, also while its last request is under way", async () => {
  const { edge, publisher, fatal } = await setUp();
  await push(publisher, 0, 10);
  edge.fault = () => {
    // The request that is being answered has the former key.
    edge.key = "revoked";
    return "none";
  };
  await push(publisher, 10, 11);
  publisher.useKey("second");
  await push(publisher, 11, 40);
  await publisher.end();
  expectWhole(edge, 40);
  expect(fatal).toEqual([]);
});

test("a refused key is replaced by the one that is offered; without one the broadcast ends", async () => {
  const offered: (string | null)[] = ["second", null];
  const reasons: string[] = [];
  const onKeyRefused = (reason: string): string | null => {
    reasons.push(reason);
    return offered.shift() ?? null;
  };
  const { edge, publisher, fatal } = await setUp({ onKeyRefused });
  await push(publisher, 0, 10);
  edge.key = "revoked";
  await push(publisher, 10, 20);
  await expect.poll(() => edge.tracks.get(TRACK)?.parts.length).toBe(20);
  expect([edge.handovers, fatal, reasons.length]).toEqual([["second"], [], 1]);
  edge.keys.clear();
  await push(publisher, 20, 24);
  await expect.poll(() => fatal.length).toBe(1);
  expect(fatal[0]?.message).toMatch(/^The edge refuses 720p part 5\.0: 403/);
});
