import fc from "fast-check";
import { expect, test } from "vitest";
import { Replica } from "../../broadcast/replica.ts";
import { TailBuffer } from "../../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../broadcast/testing.ts";
import { concatBytes } from "../../kit/bytes.ts";
import { type BoxSpan, forEachBox, readU32, readU64 } from "../../media/cmaf/bytes.ts";
import { frameId } from "../../media/cmaf/fixtures.ts";
import { initSpan, trackIdsOf } from "../../media/cmaf/init.ts";
import type { PackagerOutput } from "../../media/cmaf/packager.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import { FLOW_START, type FlowCursor, type FlowRead, flowCursorKey, readFlow } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";
import { FLOW_TEST_CONFIG, FLOW_TEST_PART_MS, FLOW_TEST_TRACKS, packageFlowMedia } from "./testing.ts";

const { video: VIDEO, audio: AUDIO } = FLOW_TEST_TRACKS;

const BOTH: FlowRequest = { video: VIDEO, audio: AUDIO, join: "latest" };

function makeReplica(): Replica {
  const config = makeTestConfig({
    startedAtMs: FLOW_TEST_CONFIG.startedAtMs,
    tracks: FLOW_TEST_CONFIG.tracks.map((track) => ({ ...track, codecs: "x", bandwidth: 1, averageBandwidth: 1 })),
  });
  return new Replica("epoch", config, new TailBuffer(1e9));
}

/** Appends an output; `lost`: a part becomes a gap, or its bytes do not come. */
function append(replica: Replica, output: PackagerOutput, lost: "no" | "gap" | "bytes" = "no"): void {
  const { track, bytes } = output;
  if (output.kind === "init") {
    replica.appendEntry({ kind: "init", track, version: output.version, byteLength: bytes.byteLength }, bytes);
    return;
  }
  const gap = lost === "gap" || output.meta.gap;
  const meta = gap ? { ...output.meta, gap, independent: false } : output.meta;
  const byteLength = gap ? 0 : bytes.byteLength;
  replica.appendEntry({ kind: "part", track, meta, byteLength }, lost === "no" && !gap ? bytes : null);
}

/** A frame in a response: its track id, decode time, and the number in its data. */
interface SeenFrame {
  readonly trackId: number;
  readonly ticks: number;
  readonly id: number;
}

/** Frames, events and the init section of a response. */
function parseResponse(bytes: Uint8Array): {
  frames: SeenFrame[];
  events: string[];
  trackIds: number[];
  clocks: number;
} {
  const frames: SeenFrame[] = [];
  const events: string[] = [];
  let trackIds: number[] = [];
  let clocks = 0;
  let run = { trackId: 0, ticks: 0, count: 0, duration: 0 };
  const visit = (type: string, box: BoxSpan): void => {
    if (type === "moof" || type === "traf") forEachBox(box, box.bodyStart, visit);
    else if (type === "tfhd") {
      const hasDuration = (readU32(box, box.bodyStart) & 0x8) !== 0;
      run = { ...run, trackId: readU32(box, box.bodyStart + 4) };
      if (hasDuration) run.duration = readU32(box, box.bodyStart + 8);
    } else if (type === "tfdt") run.ticks = readU64(box, box.bodyStart + 4);
    else if (type === "trun") run.count = readU32(box, box.bodyStart + 4);
    else if (type === "mdat") {
      for (let i = 0; i < run.count; i += 1) {
        const data = box.bytes.subarray(box.bodyStart + 4 * i, box.bodyStart + 4 * i + 4);
        frames.push({ trackId: run.trackId, ticks: run.ticks + i * run.duration, id: frameId(data) });
      }
    } else if (type === "moov") trackIds = trackIdsOf(box.bytes.subarray(box.boxStart, box.end));
    else if (type === "prft") clocks += 1;
    else if (type === "emsg") {
      const text = new TextDecoder().decode(box.bytes.subarray(box.boxStart, box.end));
      events.push(/"kind":"([a-z-]+)"/.exec(text)?.[1] ?? "?");
    }
  };
  forEachBox(initSpan(bytes), 0, visit);
  return { frames, events, trackIds, clocks };
}

/** Reads until there is nothing more. */
function drain(replica: Replica, request: FlowRequest, from: FlowCursor): FlowRead & { readonly bytes: Uint8Array } {
  const pieces: Uint8Array[] = [];
  let read = readFlow(request, from, replica);
  for (; read.bytes !== null; read = readFlow(request, read.cursor, replica)) {
    pieces.push(read.bytes);
    if (read.end !== null) break;
  }
  return { ...read, bytes: concatBytes(pieces) };
}

test("a viewer gets one init section of both tracks, then all media from the last keyframe on, in the order of its time", () => {
  const replica = makeReplica();
  for (const output of packageFlowMedia(5.5)) append(replica, output);
  const { bytes, end } = drain(replica, BOTH, FLOW_START);
  const { frames, trackIds, clocks } = parseResponse(bytes);
  expect(end).toBeNull();
  expect(trackIds).toEqual([1, 2]);
  expect(clocks).toBeGreaterThan(0);
  const pictures = frames.filter(({ trackId }) => trackId === 1).map(({ id }) => id);
  expect(pictures[0]).toBe(150);
  expect(pictures).toEqual(pictures.map((_, i) => 150 + i));
  const sounds = frames.filter(({ trackId }) => trackId === 2).map(({ id }) => id);
  expect(sounds).toEqual(sounds.map((_, i) => (sounds[0] ?? 0) + i));
  // The sound begins with the part that plays at the keyframe.
  expect((sounds[0] ?? 0) * 1024).toBeLessThanOrEqual(5 * 48_000);
  expect((sounds[0] ?? 0) * 1024).toBeGreaterThan((5 - FLOW_TEST_PART_MS / 1000 - 0.05) * 48_000);
});

test("the sound alone has the track id of its own init section, also beside viewers who get it with the picture", () => {
  const replica = makeReplica();
  for (const output of packageFlowMedia(3)) append(replica, output);
  for (const request of [BOTH, { ...BOTH, video: null }, BOTH]) {
    const { frames, trackIds } = parseResponse(drain(replica, request, FLOW_START).bytes);
    expect([...new Set(frames.map(({ trackId }) => trackId))].toSorted()).toEqual(trackIds);
  }
});

test("join=next begins with the next segment, and waits for it", () => {
  const replica = makeReplica();
  const outputs = packageFlowMedia(4.9);
  const at = outputs.findIndex((each) => each.kind === "part" && each.track === VIDEO && each.meta.msn === 1);
  for (const output of outputs.slice(0, at + 2)) append(replica, output);
  const request: FlowRequest = { ...BOTH, join: "next" };
  const first = readFlow(request, FLOW_START, replica);
  expect([first.bytes, first.end]).toEqual([null, null]);
  expect(first.cursor).toEqual({ kind: "joining", from: { msn: 2, part: 0, frame: 0 } });
  for (const output of outputs.slice(at + 2)) append(replica, output);
  const { frames } = parseResponse(drain(replica, request, first.cursor).bytes);
  expect(frames.find(({ trackId }) => trackId === 1)?.id).toBe(120);
});

test("a viewer that fell behind goes on at the latest keyframe, and is told", () => {
  const replica = makeReplica();
  const outputs = packageFlowMedia(9);
  const half = Math.floor(outputs.length / 2);
  for (const output of outputs.slice(0, half)) append(replica, output);
  const before = drain(replica, BOTH, FLOW_START);
  for (const output of outputs.slice(half)) append(replica, output);
  const { frames, events } = parseResponse(drain(replica, BOTH, before.cursor).bytes);
  expect(events).toEqual(["skip"]);
  const first = frames.find(({ trackId }) => trackId === 1);
  expect((first?.id ?? 1) % 30).toBe(0);
  expect(9 * 30 - (first?.id ?? 0)).toBeLessThanOrEqual((FLOW_LIMITS.lagMs / 1000) * 30 + 30);
});

test("parts whose bytes have not come are awaited while they are young, then left out, and the viewer is told", () => {
  const replica = makeReplica();
  const outputs = packageFlowMedia(5);
  const at = outputs.findIndex((each) => each.kind === "part" && each.track === AUDIO && each.meta.msn === 1);
  for (const output of outputs.slice(0, at)) append(replica, output);
  const before = drain(replica, BOTH, FLOW_START);
  const [late, ...rest] = outputs.slice(at);
  if (late?.kind !== "part") throw new Error("no part");
  append(replica, late, "bytes");
  const waiting = drain(replica, BOTH, before.cursor);
  expect(parseResponse(waiting.bytes).frames).toEqual([]);
  expect(waiting.cursor).toMatchObject({ audio: { msn: 1, part: 0 } });
  for (const output of rest) append(replica, output);
  const { frames, events } = parseResponse(drain(replica, { ...BOTH, video: null }, FLOW_START).bytes);
  expect([frames.length > 0, events]).toEqual([true, []]);
  const left = parseResponse(drain(replica, BOTH, waiting.cursor).bytes);
  // The picture is behind too.
  expect(left.events).toEqual(["skip", "skip"]);
  const sounds = left.frames.filter(({ trackId }) => trackId === 2).map(({ id }) => id);
  replica.storeLateBytes(AUDIO, 1, 0, late.bytes);
  const whole = parseResponse(drain(replica, BOTH, waiting.cursor).bytes);
  const all = whole.frames.filter(({ trackId }) => trackId === 2).map(({ id }) => id);
  expect(all.slice(-sounds.length)).toEqual(sounds);
  expect([all.length > sounds.length, whole.events]).toEqual([true, ["skip"]]);
});

test("an init section that is none ends the response with that reason, and a part that is none is sent as it is", () => {
  const garbage = new TextEncoder().encode("no media at all, but bytes of a publisher with a key");
  const spoiled = makeReplica();
  const whole = makeReplica();
  for (const output of packageFlowMedia(1)) {
    append(spoiled, output.kind === "init" ? { ...output, bytes: garbage } : output);
    append(whole, output.kind === "part" && output.track === VIDEO ? { ...output, bytes: garbage } : output);
  }
  expect(readFlow(BOTH, FLOW_START, spoiled)).toMatchObject({ bytes: null, end: "malformed" });
  const sent = new TextDecoder("latin1").decode(drain(whole, { ...BOTH, audio: null }, FLOW_START).bytes);
  expect(sent).toContain("no media at all");
});

test("another init section ends the response, an equal one does not; and so does the end of the broadcast", () => {
  const replica = makeReplica();
  const outputs = packageFlowMedia(3);
  for (const output of outputs) append(replica, output);
  const read = drain(replica, BOTH, FLOW_START);
  const [own] = outputs;
  if (own?.kind !== "init") throw new Error("no init section");
  const other = own.bytes.slice();
  other[other.length - 1] = 7;
  for (const [version, bytes] of [own.bytes, other].entries())
    append(replica, { kind: "init", track: VIDEO, version: version + 8, bytes } as PackagerOutput);
  const next = replica.track(VIDEO)?.segments.at(-1)?.msn ?? 0;
  const part = outputs.find((each) => each.kind === "part" && each.track === VIDEO && each.meta.part === 0);
  if (part?.kind !== "part") throw new Error("no part");
  const close = {
    ...part,
    meta: { ...part.meta, msn: next, part: replica.track(VIDEO)?.segments.at(-1)?.parts.length ?? 0, close: {} },
  };
  if (replica.track(VIDEO)?.segments.at(-1)?.closed !== true) {
    const { start: _, ...meta } = close.meta;
    append(replica, { ...close, meta } as PackagerOutput);
  }
  const begin = (msn: number, initVersion: number): PackagerOutput =>
    ({
      ...part,
      meta: {
        ...part.meta,
        msn,
        start: { programTimeMs: FLOW_TEST_CONFIG.startedAtMs + msn * 2000, initVersion, discontinuity: true },
        close: {},
      },
    }) as PackagerOutput;
  append(replica, begin(next + 1, 8));
  const equal = drain(replica, BOTH, read.cursor);
  expect([equal.end, parseResponse(equal.bytes).frames.length > 0]).toEqual([null, true]);
  append(replica, begin(next + 2, 9));
  expect(drain(replica, BOTH, equal.cursor).end).toBe("init");
  const end = makeReplica();
  for (const output of outputs) append(end, output);
  end.appendEntry({ kind: "end" }, null);
  expect(drain(end, BOTH, read.cursor).end).toBe("ended");
});

test("whatever is lost, and whenever viewers read: frames come in order and once, after a hole from a keyframe on, and viewers at one position get the same bytes", () => {
  const outputs = packageFlowMedia(8);
  const loss = fc.constantFrom<"no" | "gap" | "bytes">("no", "no", "no", "no", "no", "no", "gap", "bytes");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(loss, fc.boolean()), { minLength: outputs.length, maxLength: outputs.length }),
      fc.constantFrom<FlowRequest>(BOTH, { ...BOTH, audio: null }, { ...BOTH, video: null }, { ...BOTH, join: "next" }),
      (steps, request) => {
        const replica = makeReplica();
        let cursor = FLOW_START;
        const pieces: Uint8Array[] = [];
        for (const [i, output] of outputs.entries()) {
          const [lost, doesRead] = steps[i] ?? ["no", true];
          append(replica, output, output.kind === "part" && output.meta.start === undefined ? lost : "no");
          if (!doesRead) continue;
          for (;;) {
            const read = readFlow(request, cursor, replica);
            const again = readFlow(request, cursor, replica);
            expect(again.bytes).toEqual(read.bytes);
            expect(flowCursorKey(again.cursor)).toBe(flowCursorKey(read.cursor));
            cursor = read.cursor;
            if (read.bytes === null) break;
            pieces.push(read.bytes);
          }
        }
        const { frames } = parseResponse(concatBytes(pieces));
        for (const kind of ["video", "audio"] as const) {
          if (request[kind] === null) continue;
          const trackId = kind === "video" || request.video === null ? 1 : 2;
          const ids = frames.filter((each) => each.trackId === trackId).map(({ id }) => id);
          for (const [i, id] of ids.entries()) {
            const before = ids[i - 1];
            const follows = before !== undefined && id === before + 1;
            if (before !== undefined) expect(id).toBeGreaterThan(before);
            if (!follows && kind === "video") expect(id % 30).toBe(0);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
