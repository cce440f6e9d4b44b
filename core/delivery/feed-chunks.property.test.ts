import fc from "fast-check";
import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import { FeedDecoder, type FeedMessage } from "../broadcast/feed-codec.ts";
import { Replica } from "../broadcast/replica.ts";
import { ReplicaUpdater } from "../broadcast/replica-updater.ts";
import { TailBuffer } from "../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../broadcast/testing.ts";
import type { TrackName } from "../kit/ids.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { assemblePart } from "../media/cmaf/chunk.ts";
import { FeedFanout } from "./feed-fanout.ts";
import { FLOW_TEST_CONFIG, FLOW_TEST_TRACKS, type FlowMediaStep, packageFlowChunks } from "./flow/testing.ts";

const { video, audio } = FLOW_TEST_TRACKS;
const STEPS = packageFlowChunks(4);
const CONFIG = makeTestConfig({
  tracks: FLOW_TEST_CONFIG.tracks.map((track) => ({
    ...track,
    codecs: track.kind === "video" ? "avc1.64001f" : "mp4a.40.2",
    bandwidth: 1_000_000,
    averageBandwidth: 900_000,
  })),
});

const makeReplica = (epoch: string): Replica => new Replica(epoch, CONFIG, new TailBuffer(1e9));
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const partName = (track: TrackName, { msn, part }: { msn: number; part: number }): string => `${track} ${msn}.${part}`;

function makeFanout(replica: Replica): FeedFanout {
  return new FeedFanout({
    ...{ replica, clock: new VirtualClock(), status: () => null, access: () => PUBLIC_ACCESS_POLICY },
    authoritySilenceMs: () => 0,
  });
}

/** A node below: it follows one parent after another. */
class Child {
  readonly updater: ReplicaUpdater;
  readonly messages: FeedMessage[] = [];
  #isBroken = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  readonly #wantedTracks: ReadonlySet<TrackName>;
  readonly #wantsChunks: boolean;

  constructor(wantedTracks: ReadonlySet<TrackName>, wantsChunks: boolean) {
    this.#wantedTracks = wantedTracks;
    this.#wantsChunks = wantsChunks;
    const events = { objectReceived: () => {}, accessChanged: () => {}, replicaReplaced: () => {} };
    this.updater = new ReplicaUpdater(new VirtualClock(), 1e9, events, assemblePart);
  }

  get replica(): Replica {
    if (this.updater.replica === null) throw new Error("no feed yet");
    return this.updater.replica;
  }

  follow(parent: FeedFanout): void {
    this.#isBroken = false;
    const stream = parent.subscribe({
      ...{ nodeId: "child", kind: "isolate", isHandover: false, resumeFrom: this.updater.resumePosition },
      ...{ wantedTracks: this.#wantedTracks, wantsChunks: this.#wantsChunks },
      heldTracks: this.updater.replica === null ? new Set() : this.#wantedTracks,
    });
    const reader = stream.getReader();
    this.#reader = reader;
    void this.#read(reader);
  }

  /** The feed breaks: what is under way is lost. */
  breakFeed(): void {
    this.#isBroken = true;
    void this.#reader?.cancel();
    this.#reader = null;
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new FeedDecoder();
    for (;;) {
      const chunk = await reader.read().catch(() => ({ done: true, value: undefined }) as const);
      if (chunk.done || this.#isBroken || reader !== this.#reader) return;
      for (const message of decoder.decode(chunk.value)) {
        this.messages.push(message);
        if (message.header.kind !== "bye") expect(this.updater.applyMessage(message)).toBe("on");
      }
    }
  }
}

/** Publishes a step; chunks that the authority lacks make their part come whole. */
function publish(replica: Replica, step: FlowMediaStep, isLost: boolean): void {
  if (step.kind === "init") {
    const { track, version, bytes } = step;
    replica.appendEntry({ kind: "init", track, version, byteLength: bytes.byteLength }, bytes);
  } else if (step.kind === "chunk") {
    if (!isLost) replica.appendChunks([step]);
  } else {
    const { track, meta, bytes } = step;
    const chunks = replica.partChunks(track, meta).map((chunk) => chunk.bytes);
    const merged = assemblePart(chunks, bytes.byteLength);
    replica.appendEntry(
      { kind: "part", track, meta, byteLength: bytes.byteLength },
      merged ?? (bytes.byteLength === 0 ? null : bytes),
      merged !== null,
    );
  }
}

function expectWhole(child: Replica, tracks: ReadonlySet<TrackName>, fromStep: number): void {
  for (const [index, step] of STEPS.entries()) {
    if (step.kind !== "part" || !tracks.has(step.track) || index < fromStep) continue;
    expect(child.tail.partBytes(step.track, step.meta.msn, step.meta.part), partName(step.track, step.meta)).toEqual(
      step.bytes,
    );
  }
}

const step = fc.nat({ max: STEPS.length - 1 });

test("wherever a child joins, its feed breaks, or chunks are lost, it gets the bytes of every part", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        joins: step,
        breaks: fc.array(step, { maxLength: 4 }),
        lost: fc.array(step, { maxLength: 4 }),
        wantsChunks: fc.boolean(),
        tracks: fc.constantFrom([video], [audio], [video, audio]),
        burst: fc.integer({ min: 1, max: 9 }),
      }),
      async ({ joins, breaks, lost, wantsChunks, tracks, burst }) => {
        const authority = makeReplica("one");
        const shield = new Child(new Set([video, audio]), wantsChunks);
        const isolate = new Child(new Set(tracks), wantsChunks);
        const parent = makeFanout(authority);
        let between: FeedFanout | null = null;
        for (const [index, each] of STEPS.entries()) {
          if (index === joins) {
            shield.follow(parent);
            await settle();
            between = makeFanout(shield.replica);
            isolate.follow(between);
          }
          if (between !== null && breaks.includes(index)) {
            const broken = index % 2 === 0 ? shield : isolate;
            broken.breakFeed();
            broken.follow(broken === shield ? parent : between);
          }
          publish(authority, each, lost.includes(index));
          if (index % burst === 0) await settle();
        }
        for (let i = 0; i < 5; i += 1) await settle();
        expect(authority.offset).toBe(shield.replica.offset);
        expectWhole(authority, new Set([video, audio]), 0);
        expectWhole(shield.replica, new Set([video, audio]), joins);
        expectWhole(isolate.replica, new Set(tracks), joins);
        if (!wantsChunks) expect(isolate.messages.some(({ header }) => header.kind === "chunks")).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});

test("each frame crosses a link once: chunks bring it, and the part that they make comes without bytes", async () => {
  const authority = makeReplica("one");
  const child = new Child(new Set([video, audio]), true);
  child.follow(makeFanout(authority));
  await settle();
  let mediaBytes = 0;
  for (const each of STEPS) {
    publish(authority, each, false);
    if (each.kind === "chunk") mediaBytes += each.bytes.byteLength;
    await settle();
  }
  const carried = child.messages.filter(({ header }) => header.kind === "chunks" || header.kind === "bytes");
  expect(carried.reduce((sum, { body }) => sum + body.byteLength, 0)).toBe(mediaBytes);
  for (const { header, body } of child.messages)
    if (header.kind === "entry" && header.entry.kind === "part") expect(body.byteLength).toBe(0);
  expectWhole(child.replica, new Set([video, audio]), 0);
});

test("chunks that come together are one message, for each child those of its tracks", async () => {
  const authority = makeReplica("one");
  for (const each of STEPS.slice(0, 2)) publish(authority, each, false);
  const fanout = makeFanout(authority);
  const both = new Child(new Set([video, audio]), true);
  both.follow(fanout);
  await settle();
  const first = (track: TrackName): FlowMediaStep & { kind: "chunk" } => {
    const found = STEPS.find((each) => each.kind === "chunk" && each.track === track);
    if (found?.kind !== "chunk") throw new Error("no chunk");
    return found;
  };
  const before = both.messages.length;
  expect(authority.appendChunks([first(video), first(audio)])).toHaveLength(2);
  await settle();
  expect(both.messages.slice(before).map(({ header }) => header.kind)).toEqual(["chunks"]);
  // A child that joins in the middle of a part gets what the part has so far.
  const late = new Child(new Set([audio]), true);
  late.follow(makeFanout(authority));
  await settle();
  expect(late.replica.partChunks(audio, { msn: 0, part: 0 }).map(({ bytes }) => bytes)).toEqual([first(audio).bytes]);
  expect(late.replica.partChunks(video, { msn: 0, part: 0 })).toEqual([]);
});

test("a new epoch has no chunks of the part that was open, and brings the part whole", async () => {
  const child = new Child(new Set([video, audio]), true);
  const [one, two] = [makeReplica("one"), makeReplica("two")];
  child.follow(makeFanout(one));
  await settle();
  const cut = Math.floor(STEPS.length / 2);
  for (const each of STEPS.slice(0, cut)) publish(one, each, false);
  await settle();
  for (const each of STEPS.slice(0, cut)) if (each.kind !== "chunk") publish(two, each, false);
  child.breakFeed();
  child.follow(makeFanout(two));
  await settle();
  expect(child.replica.epoch).toBe("two");
  for (const each of STEPS.slice(cut)) publish(two, each, false);
  await settle();
  expectWhole(child.replica, new Set([video, audio]), 0);
});

test("a publisher that begins the open part anew replaces its chunks", () => {
  const replica = makeReplica("one");
  const chunks = STEPS.filter((each) => each.kind === "chunk" && each.track === video).slice(0, 3);
  for (const each of chunks) publish(replica, each, false);
  const position = { msn: 0, part: 0 };
  expect(replica.partChunks(video, position)).toHaveLength(3);
  for (const each of chunks) publish(replica, each, false);
  expect(replica.partChunks(video, position)).toHaveLength(3);
  const [first] = chunks;
  if (first?.kind !== "chunk") throw new Error("no chunk");
  const other = { ...first, bytes: new Uint8Array(5) };
  expect(replica.appendChunks([other])).toEqual([other]);
  expect(replica.partChunks(video, position)).toEqual([other]);
});
