import fc from "fast-check";
import { expect, test } from "vitest";
import { Replica } from "../../broadcast/replica.ts";
import { TailBuffer } from "../../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../broadcast/testing.ts";
import type { TrackName } from "../../kit/ids.ts";
import { assemblePart, describeChunk, mergeChunks } from "../../media/cmaf/chunk.ts";
import { withFragmentTrackId } from "./flow-boxes.ts";
import { FLOW_START, type FlowCursor, readFlow } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";
import { FlowSplitter } from "./flow-splitter.ts";
import { FLOW_TEST_CONFIG, FLOW_TEST_TRACKS, type FlowMediaStep, packageFlowChunks } from "./testing.ts";

const { video: VIDEO, audio: AUDIO } = FLOW_TEST_TRACKS;
const BOTH: FlowRequest = { video: VIDEO, audio: AUDIO, join: "latest" };
const STEPS = packageFlowChunks(5);

const makeReplica = (epoch = "one"): Replica =>
  new Replica(
    epoch,
    makeTestConfig({
      startedAtMs: FLOW_TEST_CONFIG.startedAtMs,
      tracks: FLOW_TEST_CONFIG.tracks.map((track) => ({ ...track, codecs: "x", bandwidth: 1, averageBandwidth: 1 })),
    }),
    new TailBuffer(1e9),
  );

/** `isLost`: a chunk does not come, so its part comes whole. */
function append(replica: Replica, step: FlowMediaStep, isLost = false): void {
  const { track, bytes } = step;
  if (step.kind === "init") {
    replica.appendEntry({ kind: "init", track, version: step.version, byteLength: bytes.byteLength }, bytes);
  } else if (step.kind === "chunk") {
    if (!isLost) replica.appendChunks([step]);
  } else {
    const chunks = replica.partChunks(track, step.meta).map((chunk) => chunk.bytes);
    const isChunked = assemblePart(chunks, bytes.byteLength) !== null;
    replica.appendEntry({ kind: "part", track, meta: step.meta, byteLength: bytes.byteLength }, bytes, isChunked);
  }
}

/** One viewer. */
class Reader {
  cursor: FlowCursor = FLOW_START;
  readonly writes: Uint8Array[] = [];
  readonly #request: FlowRequest;

  constructor(request: FlowRequest) {
    this.#request = request;
  }

  /** Reads what there is. */
  read(replica: Replica): number {
    let count = 0;
    for (;;) {
      const { cursor, bytes } = readFlow(this.#request, this.cursor, replica);
      this.cursor = cursor;
      if (bytes === null) break;
      this.writes.push(bytes);
      count += 1;
    }
    return count;
  }

  /** Its fragments of one kind, in order. */
  media(kind: "video" | "audio"): { bytes: Uint8Array; startS: number; durationS: number }[] {
    const splitter = new FlowSplitter();
    return this.writes
      .flatMap((bytes) => splitter.push(bytes))
      .flatMap((item) => (item.kind === "media" && item.media === kind ? [item] : []));
  }

  get events(): string[] {
    const splitter = new FlowSplitter();
    return this.writes
      .flatMap((bytes) => splitter.push(bytes))
      .flatMap((item) => (item.kind === "event" ? [item.event.kind] : []));
  }
}

const bytesOf = (kind: FlowMediaStep["kind"], track: TrackName): Uint8Array[] =>
  STEPS.flatMap((step) =>
    step.kind === kind && step.track === track && step.bytes.byteLength > 0 ? [step.bytes] : [],
  );

/** The frames of a track that a viewer has got, as one fragment without its sequence number; at least those of complete parts. */
function expectFrames(kind: "video" | "audio", got: Uint8Array, startS: number, trackId: number): void {
  const track = kind === "video" ? VIDEO : AUDIO;
  const frames = bytesOf("chunk", track);
  const splitter = new FlowSplitter();
  const [origin] = [...bytesOf("init", track), ...frames].flatMap((bytes) =>
    splitter.push(bytes).flatMap((item) => (item.kind === "media" ? [item] : [])),
  );
  const first = Math.round((startS - (origin?.startS ?? 0)) / (origin?.durationS ?? 1));
  const until = first + describeChunk(got).frames;
  expect(until).toBeGreaterThanOrEqual(describeChunk(mergeChunks(bytesOf("part", track))).frames);
  const wanted = withFragmentTrackId(mergeChunks(frames.slice(first, until)), trackId);
  expect(got.subarray(24)).toEqual(wanted.subarray(24));
}

const step = fc.nat({ max: STEPS.length - 1 });

test("whatever chunks are lost, whenever a viewer joins and reads, and if the replica is replaced within a part: it gets each frame once and in order", () => {
  fc.assert(
    fc.property(
      fc.record({
        joins: step,
        lost: fc.array(step, { maxLength: 6 }),
        replaced: fc.option(step),
        reads: fc.array(fc.boolean(), { minLength: STEPS.length, maxLength: STEPS.length }),
        request: fc.constantFrom<FlowRequest>(
          BOTH,
          { ...BOTH, audio: null },
          { ...BOTH, video: null },
          { ...BOTH, join: "next" },
        ),
      }),
      ({ joins, lost, replaced, reads, request }) => {
        let replica = makeReplica();
        const reader = new Reader(request);
        for (const [index, each] of STEPS.entries()) {
          append(replica, each, lost.includes(index));
          if (index === replaced) {
            // Another epoch has the parts, and none of the open ones' chunks.
            replica = makeReplica("two");
            for (const before of STEPS.slice(0, index + 1)) if (before.kind !== "chunk") append(replica, before);
          }
          if (index >= joins && (reads[index] === true || index % 20 === 0)) reader.read(replica);
        }
        reader.read(replica);
        expect(reader.events).not.toContain("skip");
        for (const kind of ["video", "audio"] as const) {
          if (request[kind] === null) continue;
          const media = reader.media(kind);
          const [first] = media;
          if (first === undefined) continue;
          const trackId = kind === "audio" && request.video !== null ? 2 : 1;
          expectFrames(kind, mergeChunks(media.map(({ bytes }) => bytes)), first.startS, trackId);
        }
      },
    ),
    { numRuns: 80 },
  );
});

test("a viewer gets each frame as it comes, and a part whose frames it has is not sent", () => {
  const replica = makeReplica();
  const reader = new Reader({ ...BOTH, audio: null });
  for (const each of STEPS) {
    if (each.track !== VIDEO) continue;
    append(replica, each);
    const writes = reader.read(replica);
    if (each.kind === "chunk") expect(writes).toBe(1);
    else if (reader.writes.length > 0) expect(writes).toBe(0);
  }
});

test("join=latest begins in the middle of a part at a keyframe that came as a chunk", () => {
  const replica = makeReplica();
  const key = STEPS.findLast((each) => each.kind === "chunk" && each.track === VIDEO && each.meta.key);
  if (key?.kind !== "chunk") throw new Error("no keyframe");
  for (const each of STEPS.slice(0, STEPS.indexOf(key) + 1)) append(replica, each);
  const reader = new Reader({ ...BOTH, audio: null });
  reader.read(replica);
  expect(reader.media("video").map(({ bytes }) => bytes)).toEqual([key.bytes]);
});

test("a viewer that waits for the next segment begins with its first frame", () => {
  const replica = makeReplica();
  const reader = new Reader({ video: VIDEO, audio: null, join: "next" });
  const opens = STEPS.findIndex(
    (each) => each.kind === "chunk" && each.track === VIDEO && each.meta.msn === 1 && each.meta.start !== undefined,
  );
  for (const each of STEPS.slice(0, opens)) {
    append(replica, each);
    if (each.kind !== "init") reader.read(replica);
  }
  // It joined before the first segment began.
  expect(reader.media("video").length).toBeGreaterThan(0);
  const late = new Reader({ video: VIDEO, audio: null, join: "next" });
  late.read(replica);
  const first = STEPS[opens];
  if (first === undefined) throw new Error("no segment");
  append(replica, first);
  late.read(replica);
  expect(late.media("video").map(({ bytes }) => bytes)).toEqual([first.bytes]);
});
