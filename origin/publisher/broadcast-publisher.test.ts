import { getEventListeners } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { parseBroadcastId, parseStreamName, parseTrackName, type TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { PublishError } from "../kit/errors.ts";
import { EagerClock } from "../testing/eager-clock.ts";
import { type EdgeFault, FakeEdge } from "../testing/fake-edge.ts";
import { BroadcastPublisher, type PublisherOptions } from "./broadcast-publisher.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("missing in the test's set-up");
  return value;
}
const track = (name: string): TrackName => must(parseTrackName(name));
const TRACKS = [track("720p"), track("audio")];

const config: BroadcastConfig = {
  broadcast: must(parseBroadcastId("testbroadcast")),
  startedAtMs: 0,
  targetDurationS: 2,
  windowS: 60,
  tracks: TRACKS.map((name) => ({
    name,
    kind: name === "audio" ? "audio" : "video",
    codecs: "x",
    timescale: 90_000,
    partTargetMs: 333,
    bandwidth: 1,
    averageBandwidth: 1,
  })),
};

async function setUp(
  fault?: FakeEdge["fault"],
  more: Partial<PublisherOptions> = {},
): Promise<{ edge: FakeEdge; publisher: BroadcastPublisher; fatal: PublishError[] }> {
  const edge = await new FakeEdge().start();
  stops.push(() => edge.stop());
  if (fault !== undefined) edge.fault = fault;
  const fatal: PublishError[] = [];
  const publisher = new BroadcastPublisher({
    edge: edge.url,
    stream: must(parseStreamName("demo")),
    key: "secret",
    publisher: "p1",
    config,
    platform: { ...systemPlatform, clock: new EagerClock() },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    onFatal: (error) => fatal.push(error),
    limits: { retry: { firstMs: 1, maxMs: 4 }, takeoverMs: 2000, endMs: 10_000 },
    ...more,
  });
  stops.push(() => publisher.close());
  return { edge, publisher, fatal };
}

const PARTS = 4;
function meta(count: number): PartMeta {
  const part = count % PARTS;
  return {
    msn: Math.floor(count / PARTS),
    part,
    durationTicks: 3000,
    independent: part === 0,
    gap: false,
    ...(part === 0
      ? { start: { programTimeMs: count, initVersion: count < 40 ? 0 : 1, discontinuity: count === 40 } }
      : {}),
    ...(part === PARTS - 1 ? { close: {} } : {}),
  };
}

/** Pushes `count` parts of each track, with a restart and a new init section in the middle, yielding occasionally. */
async function pushAll(publisher: BroadcastPublisher, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    for (const name of TRACKS) {
      if (i === 0 || i === 40)
        publisher.push({ kind: "init", track: name, version: i === 0 ? 0 : 1, bytes: Buffer.from(`init ${i}`) });
      publisher.push({ kind: "part", track: name, meta: meta(i), bytes: Buffer.from(`${name} ${i}`) });
    }
    if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function expectWhole(edge: FakeEdge, count: number): void {
  for (const name of TRACKS) {
    const held = must(edge.tracks.get(name)).parts.map(({ bytes }) => bytes.toString());
    expect(held).toEqual(Array.from({ length: count }, (_, i) => `${name} ${i}`));
  }
}

test("a broadcast arrives complete and in order, and its end waits until all is durable", async () => {
  const { edge, publisher } = await setUp();
  await publisher.open();
  await pushAll(publisher, 80);
  await publisher.end();
  expectWhole(edge, 80);
  expect(edge.ended).toBe(true);
  expect(publisher.counters()).toMatchObject({ parts: 160, retries: 0, waiting: 0, keptBytes: 0 });
  expect((await publisher.firstPart).meta).toMatchObject({ msn: 0, part: 0 });
});

test("an ended broadcast leaves no listener on a composed signal, with which Node would keep the whole publisher", async () => {
  const composed: AbortSignal[] = [];
  const compose = AbortSignal.any.bind(AbortSignal);
  const spied = vi.spyOn(AbortSignal, "any").mockImplementation((signals) => {
    const signal = compose(signals);
    composed.push(signal);
    return signal;
  });
  stops.push(async () => spied.mockRestore());
  const { edge, publisher } = await setUp();
  await publisher.open();
  await pushAll(publisher, 20);
  expect(publisher.counters().waiting).toBeGreaterThan(0);
  await publisher.end();
  expectWhole(edge, 20);
  expect(composed.length).toBeGreaterThan(10);
  // The last answer's own listener goes with its connection's next turn.
  await vi.waitFor(() => expect(composed.flatMap((signal) => getEventListeners(signal, "abort"))).toEqual([]));
});

test("the recent delay is that of the oldest part while the edge confirms none", async () => {
  let isCut = false;
  const clock = new VirtualClock();
  const { publisher } = await setUp(() => (isCut ? "busy" : "none"), { platform: { ...systemPlatform, clock } });
  expect(publisher.recentDelayMs()).toBeNull();
  await publisher.open();
  await pushAll(publisher, 4);
  await vi.waitFor(() => expect(publisher.counters().parts).toBe(8), { timeout: 10_000 });
  expect(publisher.recentDelayMs()).toBe(0);
  isCut = true;
  publisher.push({ kind: "part", track: must(TRACKS[0]), meta: meta(4), bytes: Buffer.from("late") });
  await clock.advance(200);
  expect(publisher.recentDelayMs()).toBe(200);
});

const FAULTS: EdgeFault[] = [
  "busy",
  "drop-before",
  "none",
  "slow-down",
  "drop-after",
  "none",
  "crash",
  "none",
  "none",
  "drop-after",
];
test.each([3, 5, 7, 11])(
  "with a fault or memory loss on every %ith request, the broadcast still arrives complete",
  async (every) => {
    const { edge, publisher } = await setUp(({ index }) =>
      index % every === every - 1 ? (FAULTS[((index / every) % FAULTS.length) | 0] ?? "none") : "none",
    );
    await publisher.open();
    await pushAll(publisher, 80);
    await publisher.end();
    expectWhole(edge, 80);
    expect(publisher.counters().retries).toBeGreaterThan(0);
  },
);

test("the publisher waits until a predecessor's lease expires", async () => {
  const { edge, publisher } = await setUp();
  edge.leases = 5;
  await publisher.open();
  expect(edge.config).not.toBeNull();
});

test("a second publisher fails with one sentence while the first is live", async () => {
  const { edge, publisher } = await setUp(undefined, { limits: { takeoverMs: 0, retry: { firstMs: 1, maxMs: 1 } } });
  edge.leases = 1e6;
  await expect(publisher.open()).rejects.toThrow(/Another publisher is live on demo/);
});

test("a wrong key ends the broadcast with the edge's reason", async () => {
  const { publisher, fatal } = await setUp(undefined, { key: "wrong" });
  await expect(publisher.open()).rejects.toThrow(/403/);
  expect(fatal).toHaveLength(1);
});

test("media for an ended broadcast is one clear error", async () => {
  const { edge, publisher, fatal } = await setUp();
  await publisher.open();
  edge.ended = true;
  await pushAll(publisher, 4);
  await expect(publisher.firstPart).rejects.toThrow(/410/);
  expect(fatal).toHaveLength(1);
});

test("an unreachable edge is named in the error", async () => {
  const { edge, publisher } = await setUp(undefined, { limits: { unreachableMs: 0, retry: { firstMs: 1, maxMs: 1 } } });
  await edge.stop();
  stops.shift();
  await expect(publisher.open()).rejects.toThrow(/does not answer/);
});

test("a stop before or during a broadcast ends it with one sentence", async () => {
  const sentence = "demo was stopped, and accepts no publisher until the stop is undone: Not here.";
  const before = await setUp(() => "stopped");
  await expect(before.publisher.open()).rejects.toThrow(sentence);
  const { edge, publisher, fatal } = await setUp();
  await publisher.open();
  await pushAll(publisher, 20);
  edge.fault = () => "stopped";
  await pushAll(publisher, 5);
  await expect(publisher.end()).rejects.toThrow(sentence);
  expect(fatal.map(({ message }) => message)).toEqual([sentence]);
});
