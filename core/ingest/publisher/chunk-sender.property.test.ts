import fc from "fast-check";
import { expect, test } from "vitest";
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackChunk } from "../../broadcast/part-chunks.ts";
import { Replica } from "../../broadcast/replica.ts";
import { TailBuffer } from "../../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../broadcast/testing.ts";
import { comparePartPositions, nextPartOf } from "../../broadcast/track-position.ts";
import {
  FLOW_TEST_CONFIG,
  FLOW_TEST_TRACKS,
  type FlowMediaStep,
  packageFlowChunks,
} from "../../delivery/flow/testing.ts";
import { sleep } from "../../kit/clock.ts";
import type { StreamName, TrackName } from "../../kit/ids.ts";
import { VirtualClock } from "../../kit/virtual-clock.ts";
import type { ChunkOutput } from "../../media/cmaf/part-writer.ts";
import { type ChunkedPartForm, parseChunkBundle } from "../chunk-bundle.ts";
import { ChunkIntake } from "../chunk-intake.ts";
import { CHUNKS_HEADER, PART_HEADER, PUBLISH_PROBLEM_TYPES } from "../publish-api.ts";
import type { ChunkSource } from "./chunk-sender.ts";
import { MediaPublisher } from "./media-publisher.ts";
import type { PublishHttpAnswer, PublishPut, PublishTransport } from "./publish-transport.ts";

const { video, audio } = FLOW_TEST_TRACKS;
const SECONDS = 3;
const STEPS = packageFlowChunks(SECONDS);
const CONFIG = makeTestConfig({
  tracks: FLOW_TEST_CONFIG.tracks.map((track) => ({
    ...track,
    codecs: track.kind === "video" ? "avc1.64001f" : "mp4a.40.2",
    bandwidth: 1_000_000,
    averageBandwidth: 900_000,
  })),
});

type Fault = "none" | "lost" | "unanswered" | "restart" | "old-version";

/** An edge with the semantics of the publish API, over links that delay and fail. */
class ModelEdge implements PublishTransport {
  wantsChunks = true;
  chunkMs: number | null = null;
  /** Bytes of media that requests brought. */
  mediaBytes = 0;
  readonly paths: string[] = [];
  readonly partForms: (ChunkedPartForm | null)[] = [];
  replica = new Replica("epoch 0", CONFIG, new TailBuffer(1e9));
  intake = new ChunkIntake(this.replica);
  #epochs = 0;
  #requests = 0;
  readonly #clock: VirtualClock;
  readonly #faultOf: (index: number) => Fault;
  readonly #delayMs: (index: number) => number;

  constructor(clock: VirtualClock, faultOf: (index: number) => Fault, delayMs: (index: number) => number) {
    this.#clock = clock;
    this.#faultOf = faultOf;
    this.#delayMs = delayMs;
  }

  async put(request: PublishPut): Promise<PublishHttpAnswer> {
    const index = this.#requests;
    this.#requests += 1;
    const fault = this.#faultOf(index);
    await sleep(this.#clock, this.#delayMs(index), request.signal);
    if (fault === "lost") throw new Error("no connection");
    if (fault === "restart") this.restart();
    const answer = this.#answer(request, fault === "old-version");
    if (fault === "unanswered") throw new Error("the connection broke");
    await sleep(this.#clock, this.#delayMs(index + 1), request.signal);
    return { ...answer, retryAfter: null };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The memory is lost; nothing was durable. */
  restart(): void {
    this.#epochs += 1;
    this.replica = new Replica(`epoch ${this.#epochs}`, CONFIG, new TailBuffer(1e9));
    this.intake = new ChunkIntake(this.replica);
  }

  #answer({ path, headers, body }: PublishPut, isOld: boolean): { status: number; body: string } {
    const [, , , , track = "", file = ""] = path.split("/");
    this.paths.push(file === "" ? track : file);
    const bytes = typeof body === "string" ? new Uint8Array() : new Uint8Array(body);
    if (track === "chunks") {
      if (isOld) return this.#problem(404, "not-found");
      this.mediaBytes += bytes.byteLength;
      const chunks = parseChunkBundle(bytes);
      if (typeof chunks === "string") throw new Error(chunks);
      return this.intake.receive(chunks) ? this.#ok() : this.#problem(409, PUBLISH_PROBLEM_TYPES.chunksMissing);
    }
    if (file.startsWith("init")) {
      const version = Number(/\d+/.exec(file)?.[0]);
      const entry = { kind: "init", track: track as TrackName, version, byteLength: bytes.byteLength } as const;
      if (this.replica.initSection(entry.track, version) === null) this.replica.appendEntry(entry, bytes);
      return this.#ok();
    }
    if (file === "") return this.#ok();
    return this.#part(track as TrackName, headers, bytes, isOld);
  }

  #part(
    track: TrackName,
    headers: PublishPut["headers"],
    bytes: Uint8Array,
    isOld: boolean,
  ): { status: number; body: string } {
    const meta = JSON.parse(headers[PART_HEADER] ?? "") as PartMeta;
    const sent = headers[CHUNKS_HEADER];
    if (isOld && sent !== undefined) return this.#problem(400, PUBLISH_PROBLEM_TYPES.malformed);
    const form = sent === undefined ? null : (JSON.parse(sent) as ChunkedPartForm);
    this.mediaBytes += bytes.byteLength;
    const state = this.replica.track(track);
    if (state === undefined) throw new Error("no such track");
    const order = comparePartPositions(meta, nextPartOf(state));
    if (order < 0) return this.#ok();
    if (order > 0) return this.#problem(409, PUBLISH_PROBLEM_TYPES.outOfOrder);
    if (meta.start !== undefined && this.replica.initSection(track, meta.start.initVersion) === null)
      return this.#problem(409, PUBLISH_PROBLEM_TYPES.initMissing);
    this.partForms.push(form);
    const whole = form === null ? bytes : this.intake.assemble(track, meta, form, bytes);
    if (whole === null) return this.#problem(409, PUBLISH_PROBLEM_TYPES.chunksMissing);
    const isChunked = form !== null && this.intake.completeChunks(track, meta, whole);
    this.replica.appendEntry({ kind: "part", track, meta, byteLength: whole.byteLength }, whole, isChunked);
    this.intake.release(track);
    return this.#ok();
  }

  #progress(): object {
    const tracks = [...this.replica.state.tracks].map(([name, state]) => {
      return [name, { durableMsn: -1, next: nextPartOf(state), inits: this.replica.initVersions(name) }];
    });
    return {
      epoch: this.replica.epoch,
      tracks: Object.fromEntries(tracks) as object,
      ...(this.wantsChunks ? { chunks: true, ...(this.chunkMs === null ? {} : { chunkMs: this.chunkMs }) } : {}),
    };
  }

  #ok(): { status: number; body: string } {
    return { status: 200, body: JSON.stringify(this.#progress()) };
  }

  #problem(status: number, type: string): { status: number; body: string } {
    return { status, body: JSON.stringify({ type, title: "", detail: "", ...this.#progress() }) };
  }
}

/** Passes the chunks of parts on that begin while somebody listens, as the packager does. */
class StepSource implements ChunkSource {
  #listener: ((chunk: ChunkOutput) => void) | null = null;
  readonly #begun = new Set<string>();
  passed = 0;

  passChunksTo(listener: ((chunk: ChunkOutput) => void) | null): void {
    this.#listener = listener;
  }

  play(chunk: TrackChunk): void {
    const { msn, part, frame } = chunk.meta;
    const name = `${chunk.track} ${msn}.${part}`;
    if (this.#listener === null) return;
    if (frame === 0) this.#begun.add(name);
    if (!this.#begun.has(name)) return;
    this.passed += 1;
    this.#listener(chunk);
  }
}

interface Run {
  readonly edge: ModelEdge;
  readonly publisher: MediaPublisher;
  readonly source: StepSource;
  readonly failures: Error[];
}

/** Publishes all steps in their time. */
async function publish(
  faultOf: (index: number) => Fault,
  delayMs: (index: number) => number,
  each: (edge: ModelEdge, step: FlowMediaStep) => void = () => {},
): Promise<Run> {
  const clock = new VirtualClock();
  const edge = new ModelEdge(clock, faultOf, delayMs);
  const failures: Error[] = [];
  const quiet = (): void => {};
  const publisher = new MediaPublisher({
    ...{ edge: "http://edge", stream: "demo" as StreamName, key: "key", publisher: "publisher-1", config: CONFIG },
    transport: edge,
    platform: { clock, random: () => 0.5, newId: () => "id" },
    log: { info: quiet, warn: quiet, error: quiet },
    onFatal: (error) => failures.push(error),
  });
  publisher.firstPart.catch(quiet);
  const source = new StepSource();
  publisher.useChunkSource(source);
  const opening = publisher.open();
  await clock.advance(1_000);
  await opening;
  for (const step of STEPS) {
    each(edge, step);
    if (step.kind === "chunk") {
      source.play(step);
      // Two tracks: a frame of one of them every 13 ms.
      await clock.advance(13);
    } else publisher.push(step);
  }
  await clock.advance(30_000);
  return { edge, publisher, source, failures };
}

function expectAllParts({ edge, failures }: Run): void {
  expect(failures).toEqual([]);
  for (const step of STEPS) {
    if (step.kind !== "part" || step.bytes.byteLength === 0) continue;
    const { msn, part } = step.meta;
    expect(edge.replica.tail.partBytes(step.track, msn, part), `${step.track} ${msn}.${part}`).toEqual(step.bytes);
  }
}

test("whatever requests fail, are late, or find an edge that lost its memory, the edge gets every part as it is", async () => {
  const fault = fc.constantFrom<Fault>("lost", "unanswered", "restart", "old-version");
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.nat({ max: 200 }).map(String), fault, { maxKeys: 8 }),
      fc.array(fc.constantFrom(0, 5, 40, 90, 400), { minLength: 1, maxLength: 7 }),
      async (faults, delays) => {
        const run = await publish(
          // The opening is not what is tested.
          (index) => (index === 0 ? "none" : (faults[index] ?? "none")),
          (index) => delays[index % delays.length] ?? 0,
        );
        expectAllParts(run);
        await run.publisher.close();
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test("each frame crosses the link once, in one request a tick for all tracks", async () => {
  const run = await publish(
    () => "none",
    () => 2,
  );
  expectAllParts(run);
  const parts = STEPS.flatMap((step) => (step.kind === "part" ? [step] : []));
  // The first part of each track is begun before the edge has said that it wants chunks.
  const chunked = run.edge.partForms.filter((form) => form !== null).length;
  expect(chunked).toBeGreaterThanOrEqual(parts.length - 2 * FLOW_TEST_CONFIG.tracks.length);
  const requests = run.edge.paths.filter((path) => path === "chunks").length;
  expect(requests).toBeGreaterThan(SECONDS * 15);
  const chunks = STEPS.filter((step) => step.kind === "chunk").length;
  expect(requests).toBeLessThanOrEqual((chunks * 13) / 33 + 1);
  await run.publisher.close();
});

test("an edge that asks for larger requests gets them", async () => {
  const run = await publish(
    () => "none",
    () => 2,
    (edge) => {
      edge.chunkMs = 100;
    },
  );
  expectAllParts(run);
  const requests = run.edge.paths.filter((path) => path === "chunks").length;
  const chunks = STEPS.filter((step) => step.kind === "chunk").length;
  expect(requests).toBeLessThanOrEqual((chunks * 13) / 100 + 12);
  expect(run.edge.partForms.filter((form) => form === null).length).toBeLessThanOrEqual(4);
  await run.publisher.close();
});

test("on a path with a round trip of 150 ms, requests overlap: frames come as often, and parts wait for no answer", async () => {
  const count = async (roundTripMs: number): Promise<Run> =>
    publish(
      () => "none",
      () => roundTripMs / 2,
    );
  const [near, far] = [await count(4), await count(150)];
  expectAllParts(far);
  const requests = ({ edge }: Run): number => edge.paths.filter((path) => path === "chunks").length;
  expect(requests(far)).toBeGreaterThan(0.6 * requests(near));
  // A part's own frames that are under way are sent twice, and no others.
  expect(far.edge.partForms.filter((form) => form === null).length).toBeLessThan(far.edge.partForms.length / 3);
  expect(far.edge.mediaBytes / near.edge.mediaBytes).toBeLessThan(1.5);
  expect(far.publisher.counters().delayP50Ms).toBeLessThan(150 + 60);
  await Promise.all([near, far].map(({ publisher }) => publisher.close()));
});

test("an edge that does not want chunks gets none, and its wish is followed while it runs", async () => {
  const never = await publish(
    () => "none",
    () => 2,
    (edge) => {
      edge.wantsChunks = false;
    },
  );
  // The opening's answer is the only one that wanted them.
  expect(never.source.passed).toBeLessThan(20);
  expectAllParts(never);
  const middle = Math.floor(STEPS.length / 2);
  const later = await publish(
    () => "none",
    () => 2,
    (edge, step) => {
      edge.wantsChunks = STEPS.indexOf(step) > middle;
    },
  );
  expectAllParts(later);
  const forms = later.edge.partForms;
  expect(forms.slice(2, 6)).toEqual([null, null, null, null]);
  expect(forms.at(-1)).not.toBeNull();
  await Promise.all([never.publisher.close(), later.publisher.close()]);
});

test("chunks that overtake others, or the part before theirs, follow them once they have come", () => {
  const replica = new Replica("one", CONFIG, new TailBuffer(1e9));
  const intake = new ChunkIntake(replica);
  const own = STEPS.filter((step) => step.kind === "init" || step.track === video);
  const [, ...media] = own.filter((step) => step.track === video);
  for (const step of STEPS)
    if (step.kind === "init") replica.appendEntry({ ...step, byteLength: step.bytes.byteLength }, step.bytes);
  const firstPart = media.findIndex((step) => step.kind === "part");
  const [before, part, after] = [media.slice(0, firstPart), media[firstPart], media[firstPart + 1]];
  if (part?.kind !== "part" || after?.kind !== "chunk") throw new Error("unexpected media");
  const chunks = before.flatMap((step) => (step.kind === "chunk" ? [step] : []));
  const [first, ...later] = chunks;
  if (first === undefined) throw new Error("no chunks");
  // Without the first frame it is a part whose beginning was lost.
  expect(intake.receive(later)).toBe(false);
  expect(intake.receive([first])).toBe(true);
  expect(intake.receive(later.slice(2))).toBe(true);
  expect(replica.partChunks(video, part.meta)).toEqual([first]);
  expect(intake.receive(later.slice(0, 2).toReversed())).toBe(true);
  expect(replica.partChunks(video, part.meta)).toEqual(chunks);
  expect(intake.receive([after])).toBe(true);
  expect(replica.partChunks(video, after.meta)).toEqual([]);
  replica.appendEntry({ kind: "part", track: video, meta: part.meta, byteLength: part.bytes.byteLength }, part.bytes);
  intake.release(video);
  expect(replica.partChunks(video, after.meta)).toEqual([after]);
  // So many after a missing one, one of no track, and one of an unknown init section.
  const far = Array.from({ length: 100 }, (_, i) => ({ ...after, meta: { ...after.meta, frame: 2 + i } }));
  expect(intake.receive(far.slice(0, 50))).toBe(true);
  expect(intake.receive(far)).toBe(false);
  expect(intake.receive([{ ...after, track: "other" as TrackName }])).toBe(false);
  const start = { programTimeMs: 1, initVersion: 9, discontinuity: false };
  expect(intake.receive([{ ...after, track: audio, meta: { ...after.meta, msn: 0, part: 0, start } }])).toBe(false);
});
