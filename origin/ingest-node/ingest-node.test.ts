import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { LogFields } from "../kit/log.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { type SimulatedSender, senderConfigs, senderFrames } from "../testing/simulated-sender.ts";
import { IngestNode, type IngestNodeOptions } from "./ingest-node.ts";
import { FakeSender } from "./testing/fake-sender.ts";

const OBS: SimulatedSender = { sizes: ["128x72"], fps: 30, gop: 60, hasAudio: true };
const DEMO = parseStreamName("demo") as StreamName;

let edge: FakeEdge;
let clock: VirtualClock;
let node: IngestNode;
let lines: string[];

beforeEach(async () => {
  edge = await new FakeEdge().start();
  clock = new VirtualClock();
  lines = [];
  node = createNode();
});
afterEach(async () => {
  // Waits for the edge are over at once.
  const closing = node.close();
  await pass(60_000);
  await closing;
  await edge.stop();
});

function createNode(options: Partial<IngestNodeOptions> = {}): IngestNode {
  const log = (text: string): void => void lines.push(text);
  return new IngestNode({
    authorize: ({ key }) =>
      Promise.resolve(
        key.startsWith("secret")
          ? { kind: "granted", target: { edge: edge.url, key, publisher: "test-node" } }
          : { kind: "refused", sentence: "The key is wrong." },
      ),
    packaging: { partMs: 333, segmentMs: 2000, windowS: 60 },
    transcoder: null,
    reconnectMs: 60_000,
    log: { debug: log, info: log, warn: log, error: log },
    platform: { clock, random: Math.random, newId: () => "id" },
    ...options,
  });
}

/** Lets time pass in steps, between which real sockets are served: a deadline of a request never passes at once. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    await clock.advance(Math.min(left, 250));
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Sends a sender's media in real time of the virtual clock, `atMs` being media time 0; stops if it is closed. */
async function stream(sender: FakeSender, shape: SimulatedSender, fromS: number, untilS: number): Promise<void> {
  const startMs = clock.monotonicMs();
  for (const frame of senderFrames(shape, fromS, untilS)) {
    await pass(Math.max(0, startMs + frame.dts - fromS * 1000 - clock.monotonicMs()));
    if (sender.closing !== null) return;
    sender.send(frame);
  }
}

async function connect(shape: SimulatedSender, sender: FakeSender = new FakeSender()): Promise<FakeSender> {
  await node.admit(sender);
  for (const config of senderConfigs(shape)) sender.send(config);
  return sender;
}

const parts = (track: string) => edge.tracks.get(track)?.parts.map(({ meta }) => meta) ?? [];
const received = (track: string, count: number): Promise<void> =>
  vi.waitFor(() => expect(parts(track).length).toBeGreaterThanOrEqual(count), { timeout: 10_000, interval: 5 });
const gapsReceived = (count: number): Promise<void> =>
  vi.waitFor(() => expect(parts("72p").filter(({ gap }) => gap).length).toBeGreaterThan(count), {
    timeout: 10_000,
    interval: 5,
  });
const ended = (): Promise<void> => vi.waitFor(() => expect(edge.ended).toBe(true), { timeout: 10_000, interval: 5 });

test("a sender's media is published as it is; its goodbye ends the broadcast after 3 s", async () => {
  const sender = await connect(OBS);
  await stream(sender, OBS, 0, 7);
  await received("72p", 20);
  expect(edge.config?.tracks).toMatchObject([
    { name: "72p", kind: "video", width: 128, height: 72, frameRate: 30, codecs: expect.stringMatching(/^avc1\.42/) },
    { name: "audio", kind: "audio", codecs: "mp4a.40.2", channels: 2, sampleRate: 48_000 },
  ]);
  expect(edge.config).toMatchObject({ targetDurationS: 4, windowS: 60 });
  sender.end({ kind: "goodbye" });
  await pass(2_900);
  expect(edge.ended).toBe(false);
  await pass(200);
  await ended();
  const media = parts("72p").filter(({ gap }) => !gap);
  const startTimes = media.flatMap(({ start }) => (start === undefined ? [] : [start.programTimeMs]));
  expect(startTimes.slice(0, 3).map((time) => time - (startTimes[0] ?? 0))).toEqual([0, 2000, 4000]);
  expect(media.reduce((sum, { durationTicks }) => sum + durationTicks, 0)).toBe(7 * 90_000);
  expect(parts("72p").at(-1)?.close).toBeDefined();
  expect(node.describe().size).toBe(0);
});

test("a draining node takes back the senders of its broadcasts, and no other one", async () => {
  const first = await connect(OBS);
  await stream(first, OBS, 0, 3);
  node.drain();
  const other = new FakeSender("secret", "other");
  await node.admit(other);
  expect(other.refusal).toMatch(/takes no new broadcasts/);
  first.end({ kind: "lost", detail: "connection reset" });
  const again = await connect(OBS);
  expect([again.isAccepted, node.broadcastCount]).toEqual([true, 1]);
  again.end({ kind: "goodbye" });
  await pass(4_000);
  await vi.waitFor(() => expect(node.broadcastCount).toBe(0), { timeout: 10_000, interval: 5 });
});

test("after a lost link the same broadcast waits with gaps, and goes on when the sender returns", async () => {
  const first = await connect(OBS);
  await stream(first, OBS, 0, 5);
  first.end({ kind: "lost", detail: "connection reset" });
  await pass(20_000);
  const count = parts("72p").length;
  await gapsReceived(40);
  expect(edge.ended).toBe(false);
  const second = await connect(OBS);
  await stream(second, OBS, 0, 5);
  await received("72p", count + 10);
  expect(edge.opened).toHaveLength(1);
  const resumed = parts("72p").find(({ start }) => start?.discontinuity === true);
  const startMs = parts("72p")[0]?.start?.programTimeMs ?? 0;
  expect(((resumed?.start?.programTimeMs ?? 0) - startMs) / 1000).toBeCloseTo(25, 0);
  second.end({ kind: "lost", detail: "again" });
  await pass(59_000);
  expect(edge.ended).toBe(false);
  await pass(2_000);
  await ended();
});

test("a wrong key, a second encoder and one broadcast too many are refused with sentences", async () => {
  await node.close();
  node = createNode({ maxBroadcasts: 1 });
  const wrong = new FakeSender("wrong");
  await node.admit(wrong);
  expect([wrong.refusal, wrong.isAccepted]).toEqual(["The key is wrong.", false]);
  const first = await connect(OBS);
  await stream(first, OBS, 0, 1);
  const second = new FakeSender();
  await node.admit(second);
  expect(second.refusal).toMatch(/Another encoder is live/);
  const other = new FakeSender("secret", "other");
  await node.admit(other);
  expect(other.refusal).toMatch(/no room/);
  // A dead link keeps nobody out: the encoder's new connection takes its place.
  await pass(2_600);
  await node.admit(second);
  expect([second.isAccepted, first.closing !== null]).toEqual([true, true]);
});

test("a network that guesses keys is refused without a look-up, until time has passed", async () => {
  await node.close();
  let checks = 0;
  node = createNode({
    authorize: () => {
      checks += 1;
      return Promise.resolve({ kind: "refused", sentence: "The key is wrong." });
    },
  });
  const senders = Array.from({ length: 100 }, () => new FakeSender("guess"));
  for (const sender of senders) await node.admit(sender);
  expect(checks).toBe(20);
  expect(senders.at(-1)?.refusal).toMatch(/refused too often/);
  await pass(4_000);
  await node.admit(new FakeSender("guess"));
  expect(checks).toBe(21);
});

test("a key that cannot be checked refuses the sender", async () => {
  await node.close();
  const records: unknown[] = [];
  const note = (text: string, fields?: LogFields): void => void records.push({ ...fields, text });
  const log = { debug: note, info: note, warn: note, error: note };
  node = createNode({ authorize: () => Promise.reject(new Error("no edge")), log });
  const sender = new FakeSender();
  await node.admit(sender);
  expect(sender.refusal).toMatch(/cannot be checked now/);
  expect(records).toHaveLength(2);
  for (const record of records) expect(record).toMatchObject({ stream: sender.stream });
});

test("a key that the edge revokes cuts the sender with the next part", async () => {
  const sender = await connect(OBS);
  await stream(sender, OBS, 0, 3);
  await received("72p", 5);
  edge.key = "rotated";
  const cut = vi.waitFor(() => expect(sender.closing).toMatch(/^The edge refuses/), { timeout: 5_000, interval: 2 });
  await stream(sender, OBS, 3, 4);
  await cut;
  expect(node.describe().size).toBe(0);
});

test("keyframes that come too rarely are refused with advice, and the next try is judged before it is on the air", async () => {
  const rare = { ...OBS, gop: 250 };
  const first = await connect(rare);
  await stream(first, rare, 0, 5);
  expect(first.closing).toMatch(/^No keyframe has come for 4 s; set the keyframe interval to 2 s/);
  await ended();
  const count = edge.opened.length;
  const second = await connect(rare);
  await stream(second, rare, 0, 5);
  expect(second.closing).toMatch(/keyframe interval/);
  expect(edge.opened).toHaveLength(count);
  const third = await connect(OBS);
  await stream(third, OBS, 0, 5);
  await vi.waitFor(() => expect(edge.opened).toHaveLength(count + 1));
});

test("a missing keyframe costs a gap, not the broadcast", async () => {
  const sender = await connect(OBS);
  await stream(sender, OBS, 0, 5);
  await stream(sender, { ...OBS, gop: 100_000 }, 5, 11);
  await stream(sender, OBS, 11, 16);
  await vi.waitFor(() => expect(parts("72p").some(({ start }) => start?.discontinuity === true)).toBe(true));
  expect(lines.join("\n")).toContain("begins anew at the next keyframe");
  expect([sender.closing, edge.opened.length]).toEqual([null, 1]);
});

test("renditions whose keyframes are not aligned are refused once their timelines have broken too often", async () => {
  const ladder = { ...OBS, sizes: ["128x72", "64x36"] };
  const sender = await connect(ladder);
  const startMs = clock.monotonicMs();
  for (const frame of senderFrames(ladder, 0, 58)) {
    await pass(Math.max(0, startMs + frame.dts - clock.monotonicMs()));
    if (sender.closing !== null) break;
    const isShifted = frame.media === "video" && frame.track === 1;
    sender.send(isShifted ? { ...frame, sync: Math.round((frame.dts * 30) / 1000) % 60 === 20 } : frame);
  }
  expect(sender.closing).toMatch(/renditions not aligned/);
  expect(lines.filter((line) => line.includes("begins anew")).length).toBe(6);
});

test("a stream that another publisher has is not waited for: the sender is cut", async () => {
  edge.leases = 1_000;
  const sender = await connect(OBS);
  const cut = vi.waitFor(() => expect(sender.closing).toMatch(/Another publisher is live/), { timeout: 5_000 });
  await stream(sender, OBS, 0, 3);
  await cut;
  expect([edge.opened.length, node.describe().size]).toEqual([0, 0]);
});

test("another resolution continues the broadcast, other tracks begin another one", async () => {
  const sender = await connect(OBS);
  await stream(sender, OBS, 0, 3);
  for (const config of senderConfigs({ sizes: ["160x90"], hasAudio: false })) sender.send(config);
  await stream(sender, OBS, 3, 8);
  await vi.waitFor(() => expect(edge.tracks.get("72p")?.inits.size).toBe(2));
  expect(edge.opened).toHaveLength(1);
  sender.end({ kind: "lost", detail: "restarted" });
  const ladder = { ...OBS, sizes: ["128x72", "64x36"] };
  const next = await connect(ladder);
  await stream(next, ladder, 0, 3);
  await vi.waitFor(() => expect(edge.opened).toHaveLength(2));
  await received("36p", 3);
});

test("senders that say nothing are lost after 10 s", async () => {
  const sender = await connect(OBS);
  await stream(sender, OBS, 0, 3);
  await pass(11_500);
  expect(sender.closing).toMatch(/Nothing was received/);
  expect(node.describe().get(DEMO)).toMatchObject({ isLive: false, tracks: ["72p", "audio"] });
});
