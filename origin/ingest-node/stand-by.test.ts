import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamKeyRole } from "../../core/access/stream-key.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { type SimulatedSender, senderConfigs, senderFrames } from "../testing/simulated-sender.ts";
import { IngestNode, type IngestNodeOptions } from "./ingest-node.ts";
import { FakeSender } from "./testing/fake-sender.ts";

const OBS: SimulatedSender = { sizes: ["128x72"], fps: 30, gop: 60, hasAudio: true };
const DEMO = parseStreamName("demo") as StreamName;
const PRIMARY = "primary-1";
const BACKUP = "backup-1";
/** The longest time without media that a viewer's buffer covers, milliseconds. */
const STALL_MS = 500;
const TIMEOUT = { timeout: 60_000 };

/** A sender whose media time 0 was at `startMs`. */
interface Playing {
  readonly sender: FakeSender;
  readonly shape: SimulatedSender;
  readonly startMs: number;
  isPaused: boolean;
  sentMs: number;
}

let edge: FakeEdge;
let clock: VirtualClock;
let node: IngestNode;
let lines: string[];
let playing: Playing[];
let revoked: Set<string>;

beforeEach(async () => {
  edge = await new FakeEdge().start();
  edge.key = "";
  clock = new VirtualClock();
  lines = [];
  playing = [];
  revoked = new Set();
  node = createNode();
});
afterEach(async () => {
  const closing = node.close();
  await settle(60_000);
  await closing;
  await edge.stop();
});

function createNode(options: Partial<IngestNodeOptions> = {}): IngestNode {
  const log = (text: string): void => void lines.push(text);
  return new IngestNode({
    authorize: ({ key }) => {
      const role: StreamKeyRole = key.startsWith("backup") ? "backup" : "primary";
      if (revoked.has(key)) return Promise.resolve({ kind: "refused", sentence: "The key is revoked.", reason: "key" });
      edge.keys.add(key);
      return Promise.resolve({ kind: "granted", target: { edge: edge.url, key, publisher: "test-node", role } });
    },
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    transcoder: null,
    reconnectMs: 60_000,
    log: { debug: log, info: log, warn: log, error: log },
    platform: { clock, random: Math.random, newId: () => "id" },
    ...options,
  });
}

async function settle(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    await clock.advance(Math.min(left, 250));
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets time pass while senders send. */
async function pass(seconds: number): Promise<void> {
  const untilMs = clock.monotonicMs() + 1000 * seconds;
  while (clock.monotonicMs() < untilMs) {
    await settle(20);
    const nowMs = clock.monotonicMs();
    for (const each of playing) {
      const [fromS, untilS] = [(each.sentMs - each.startMs) / 1000, (nowMs - each.startMs) / 1000];
      each.sentMs = nowMs;
      if (!each.isPaused) for (const frame of senderFrames(each.shape, fromS, untilS)) each.sender.send(frame);
    }
  }
}

/** Connects a sender whose clock has run for `ageS`. */
async function connect(key: string, shape: SimulatedSender = OBS, ageS = 0): Promise<Playing> {
  const sender = new FakeSender(key);
  await node.admit(sender);
  for (const config of senderConfigs(shape)) sender.send(config);
  const nowMs = clock.monotonicMs();
  const each = { sender, shape, startMs: nowMs - 1000 * ageS, isPaused: false, sentMs: nowMs };
  playing.push(each);
  return each;
}

function lose({ sender }: Playing): void {
  playing = playing.filter((each) => each.sender !== sender);
  sender.end({ kind: "lost", detail: "connection reset" });
}

const parts = (track = "72p") => edge.tracks.get(track)?.parts.map(({ meta }) => meta) ?? [];
const timelines = (): number => parts().filter(({ start }) => start?.discontinuity === true).length;
const ms = (ticks: number): number => ticks / 90;
const gapMs = (): number => ms(parts().reduce((sum, { gap, durationTicks }) => sum + (gap ? durationTicks : 0), 0));
/** Media that the edge has, gaps included, milliseconds. */
const publishedMs = (): number => ms(parts().reduce((sum, { durationTicks }) => sum + durationTicks, 0));
/** How far the edge is behind the clock, milliseconds. */
const behindMs = (sinceMs: number): number => clock.monotonicMs() - sinceMs - publishedMs();

async function caughtUp(sinceMs: number): Promise<void> {
  // The last part, frame and segment boundary are open.
  await vi.waitFor(() => expect(behindMs(sinceMs)).toBeLessThan(1_000), { timeout: 5_000, interval: 5 });
}

test.each([0.1, 0.7, 1.3, 1.9])(
  "a backup takes over from a primary that is lost, in the same broadcast and without missing time (%s s after its keyframe)",
  TIMEOUT,
  async (ageS) => {
    const startMs = clock.monotonicMs();
    const primary = await connect(PRIMARY);
    const backup = await connect(BACKUP, OBS, 30 + ageS);
    await pass(8);
    lose(primary);
    await pass(0.4);
    await caughtUp(startMs);
    await pass(6);
    await caughtUp(startMs);
    expect(edge.opened).toHaveLength(1);
    expect(edge.handovers).toEqual([BACKUP]);
    expect(gapMs()).toBeLessThan(STALL_MS);
    expect(timelines()).toBeGreaterThanOrEqual(1);
    expect(timelines()).toBeLessThanOrEqual(2);
    expect(backup.sender.closing).toBeNull();
    // Program time is the backup's own: it is not ahead of the clock.
    const starts = parts().flatMap(({ start }) => (start === undefined ? [] : [start.programTimeMs]));
    const lastMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
    expect(lastMs).toBeLessThan(clock.monotonicMs() - startMs + 300);
    expect(node.describe().get(DEMO)).toMatchObject({ isLive: true });
  },
);

test(
  "a primary that sends nothing for half a second is replaced, and takes over again after 10 s",
  TIMEOUT,
  async () => {
    const startMs = clock.monotonicMs();
    const primary = await connect(PRIMARY);
    await connect(BACKUP, OBS, 1);
    await pass(6);
    primary.isPaused = true;
    await pass(1);
    expect(edge.handovers).toEqual([BACKUP]);
    await pass(3);
    primary.isPaused = false;
    await pass(9);
    expect(edge.handovers).toEqual([BACKUP]);
    await pass(5);
    expect(edge.handovers).toEqual([BACKUP, PRIMARY]);
    await caughtUp(startMs);
    expect(gapMs()).toBeLessThan(STALL_MS);
    expect([edge.opened.length, primary.sender.closing]).toEqual([1, null]);
  },
);

test(
  "a primary that comes back stands by until it is steady; a backup that comes first is on the air",
  TIMEOUT,
  async () => {
    const startMs = clock.monotonicMs();
    const backup = await connect(BACKUP);
    await pass(4);
    expect(edge.opened).toHaveLength(1);
    await connect(PRIMARY, OBS, 0.5);
    await pass(9);
    expect(edge.handovers).toEqual([]);
    await pass(5);
    expect(edge.handovers).toEqual([PRIMARY]);
    await caughtUp(startMs);
    expect([edge.opened.length, backup.sender.closing]).toEqual([1, null]);
    expect(gapMs()).toBeLessThan(STALL_MS);
  },
);

test("without a return the primary waits for the backup's end", TIMEOUT, async () => {
  await node.close();
  node = createNode({ returnMs: null });
  const backup = await connect(BACKUP);
  await pass(4);
  await connect(PRIMARY, OBS, 0.5);
  await pass(20);
  expect(edge.handovers).toEqual([]);
  backup.sender.end({ kind: "goodbye" });
  await pass(1);
  expect(edge.handovers).toEqual([PRIMARY]);
});

test("a revoked key cuts its own sender only", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(5);
  edge.keys.delete(PRIMARY);
  revoked.add(PRIMARY);
  await vi.waitFor(
    async () => {
      await pass(0.1);
      expect(primary.sender.closing).toMatch(/^The edge refuses the key/);
    },
    { timeout: 10_000 },
  );
  await pass(3);
  expect([edge.opened.length, edge.ended, backup.sender.closing]).toEqual([1, false, null]);
  expect(edge.handovers).toEqual([BACKUP]);
  expect(gapMs()).toBeLessThan(STALL_MS);
});

test("the key of a sender that stands by is checked: a revoked one is cut within a second", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(5);
  revoked.add(BACKUP);
  await pass(1);
  expect([backup.sender.closing, primary.sender.closing]).toEqual(["The key is revoked.", null]);
  lose(primary);
  await pass(2);
  expect([edge.handovers, edge.ended]).toEqual([[], false]);
});

test("a key that is revoked after its sender was replaced ends nothing", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(5);
  lose(primary);
  await pass(1);
  edge.keys.delete(PRIMARY);
  revoked.add(PRIMARY);
  await pass(5);
  expect([backup.sender.closing, edge.ended, edge.opened.length]).toEqual([null, false, 1]);
});

test(
  "a backup with other tracks takes over in a broadcast of its own; one of another size in the same",
  TIMEOUT,
  async () => {
    const primary = await connect(PRIMARY);
    await connect(BACKUP, { ...OBS, sizes: ["160x90"] }, 1);
    await pass(5);
    lose(primary);
    await pass(3);
    expect(edge.opened).toHaveLength(1);
    await vi.waitFor(() => expect(edge.tracks.get("72p")?.inits.size).toBe(2));
    const said = lines.join("\n");
    expect(said).toMatch(/backup-differs: The backup sends h264 160×90.*; the primary sends h264 128×72/);
    expect(said).toMatch(/on-backup: The backup encoder is on the air since/);
    await connect(PRIMARY, { ...OBS, sizes: ["128x72", "64x36"] }, 1);
    await pass(14);
    await vi.waitFor(() => expect(edge.opened).toHaveLength(2));
    await vi.waitFor(() => expect(parts("36p").length).toBeGreaterThan(2));
  },
);

test("of one role a second sender is refused while the first is alive, however many come", TIMEOUT, async () => {
  await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(3);
  const others = Array.from({ length: 20 }, (_, i) => new FakeSender(i % 2 === 0 ? BACKUP : "backup-2"));
  await Promise.all(others.map((sender) => node.admit(sender)));
  expect(others.map(({ refusal, reason }) => [refusal?.slice(0, 23), reason])).toEqual(
    Array.from({ length: 20 }, () => ["Another encoder is live", "in-use"]),
  );
  expect(backup.sender.closing).toBeNull();
  // Another key of the role continues where a dead link is.
  backup.isPaused = true;
  await pass(3);
  const next = await connect("backup-2", OBS, 0.3);
  expect([next.sender.isAccepted, backup.sender.closing !== null]).toEqual([true, true]);
});

test("when both are lost the broadcast waits, and either continues it", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(5);
  lose(primary);
  await pass(1);
  lose(backup);
  await pass(5);
  expect(edge.ended).toBe(false);
  await connect(PRIMARY, OBS, 0.5);
  await pass(4);
  expect([edge.opened.length, edge.handovers]).toEqual([1, [BACKUP, PRIMARY]]);
  expect(parts().at(-1)?.gap).toBe(false);
});

test("a backup that is not fit does not take over where nothing is encoded anew", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, { ...OBS, gop: 250 }, 1);
  await pass(16);
  lose(primary);
  await pass(3);
  expect([edge.handovers, edge.ended, backup.sender.closing]).toEqual([[], false, null]);
});

test.each([1, 2, 3])(
  "two senders that flap leave one broadcast without a missing part (seed %i)",
  TIMEOUT,
  async (seed) => {
    let state = seed;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const startMs = clock.monotonicMs();
    const flap = new Map<string, Playing | null>([
      [PRIMARY, await connect(PRIMARY)],
      [BACKUP, await connect(BACKUP, OBS, 0.8)],
    ]);
    await pass(4);
    for (let step = 0; step < 40; step += 1) {
      const key = random() < 0.5 ? PRIMARY : BACKUP;
      const each = flap.get(key) ?? null;
      if (each === null || each.sender.closing !== null) flap.set(key, await connect(key, OBS, 2 * random()));
      else if (random() < 0.5) each.isPaused = !each.isPaused;
      else {
        lose(each);
        flap.set(key, null);
      }
      await pass(0.2 + 2 * random());
    }
    for (const [key, each] of flap) if (each === null || each.sender.closing !== null) await connect(key, OBS, 0.5);
    for (const each of playing) each.isPaused = false;
    await pass(5);
    await caughtUp(startMs);
    expect([edge.opened.length, edge.ended]).toEqual([1, false]);
    expect(parts().at(-1)?.gap).toBe(false);
    // Times of parts follow each other, and those of segments never go back.
    const starts = parts().flatMap(({ start }) => (start === undefined ? [] : [start.programTimeMs]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(lines.filter((line) => /Internal error|cannot be|refuses/.test(line))).toEqual([]);
  },
);

test("a sender that stands by and sends too fast is refused alone", TIMEOUT, async () => {
  const primary = await connect(PRIMARY);
  const backup = await connect(BACKUP, OBS, 1);
  await pass(3);
  for (const frame of senderFrames(OBS, 4, 30)) backup.sender.send(frame);
  expect(backup.sender.closing).toMatch(/faster than real time/);
  await pass(1);
  expect(primary.sender.closing).toBeNull();
});
