import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { testInits } from "../../media/cmaf/fixtures.ts";
import { withFragmentTrackId, writeClockReference, writeFlowEvent, writeFlowInit } from "./flow-boxes.ts";
import { type FlowItem, FlowSplitter } from "./flow-splitter.ts";
import { FLOW_TEST_CONFIG, FLOW_TEST_TRACKS, packageFlowMedia } from "./testing.ts";

const INITS = testInits(FLOW_TEST_CONFIG);
const initOf = (track: keyof typeof FLOW_TEST_TRACKS): Uint8Array =>
  INITS.get(FLOW_TEST_TRACKS[track])?.bytes ?? new Uint8Array(0);

/** A response of both tracks, as the edge writes it, with its parts. */
function writeResponse(seconds: number): { bytes: Uint8Array; parts: { media: string; bytes: Uint8Array }[] } {
  const pieces = [writeFlowInit({ video: initOf("video"), audio: initOf("audio") }).bytes];
  const parts: { media: string; bytes: Uint8Array }[] = [];
  for (const output of packageFlowMedia(seconds)) {
    if (output.kind !== "part") continue;
    const isVideo = output.track === FLOW_TEST_TRACKS.video;
    const bytes = withFragmentTrackId(output.bytes, isVideo ? 1 : 2);
    if (isVideo && output.meta.part === 0)
      pieces.push(writeClockReference(bytes, 1_760_000_000_000 + 2000 * output.meta.msn));
    pieces.push(bytes);
    parts.push({ media: isVideo ? "video" : "audio", bytes });
  }
  pieces.push(writeFlowEvent({ kind: "caught-up" }), writeFlowEvent({ kind: "bye", reason: "renew" }));
  return { bytes: concatBytes(pieces), parts };
}

const RESPONSE = writeResponse(4.5);

function split(bytes: Uint8Array, chunk: number): FlowItem[] {
  const splitter = new FlowSplitter();
  const items: FlowItem[] = [];
  for (let at = 0; at < bytes.length; at += chunk) items.push(...splitter.push(bytes.subarray(at, at + chunk)));
  return items;
}

test("a response is split into the init sections of its tracks, as they were, and its parts, in any chunking", () => {
  for (const chunk of [1, 7, 1_000, RESPONSE.bytes.length]) {
    const items = split(RESPONSE.bytes, chunk);
    const [init] = items;
    if (init?.kind !== "init") throw new Error("the first item is no init section");
    expect(init.tracks.map(({ kind, trackId, timescale }) => [kind, trackId, timescale])).toEqual([
      ["video", 1, 90_000],
      ["audio", 2, 48_000],
    ]);
    // The video's is the same; the sound's has another track id.
    expect(init.tracks[0]?.bytes.length).toBe(initOf("video").length);
    expect(init.tracks[1]?.bytes.length).toBe(initOf("audio").length);
    const media = items.filter((item) => item.kind === "media");
    expect(media.map((item) => ({ media: item.media, bytes: item.bytes }))).toEqual(RESPONSE.parts);
    const events = items.flatMap((item) => (item.kind === "event" ? [item.event] : []));
    expect(events).toEqual([{ kind: "caught-up" }, { kind: "bye", reason: "renew" }]);
  }
});

test("the parts of a track follow each other without a hole, and clocks give the program time of a part's first picture", () => {
  const items = split(RESPONSE.bytes, 4096);
  for (const media of ["video", "audio"] as const) {
    const parts = items.flatMap((item) => (item.kind === "media" && item.media === media ? [item] : []));
    expect(parts.length).toBeGreaterThan(10);
    for (const [i, part] of parts.entries()) {
      const before = parts[i - 1];
      if (before !== undefined) expect(part.startS).toBeCloseTo(before.startS + before.durationS, 6);
    }
  }
  const clocks = items.flatMap((item) => (item.kind === "clock" ? [item] : []));
  expect(clocks.length).toBe(3);
  for (const [i, clock] of clocks.entries()) {
    expect(clock.programTimeMs).toBeCloseTo(1_760_000_000_000 + 2000 * i, 0);
    const next = items[items.indexOf(clock) + 1];
    expect(next?.kind === "media" && next.media === "video" ? next.startS : null).toBeCloseTo(clock.mediaS, 6);
  }
});

test("any bytes give items or a CmafError, nothing else", () => {
  const { bytes } = RESPONSE;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.nat(bytes.length),
      (changes, chunk, length) => {
        const broken = bytes.slice(0, length);
        for (const [at, value] of changes) if (at < length) broken[at] = value;
        try {
          for (const item of split(broken, chunk)) {
            if (item.kind === "media") expect(item.bytes.length).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          if (!(error instanceof CmafError)) throw error;
        }
      },
    ),
    { numRuns: 500 },
  );
});

const STATUS = { kind: "status", atMs: 5, status: { state: "live", viewers: { current: 3 } } } as const;

test("events of another scheme and of an unknown kind are left out", () => {
  const known = writeFlowEvent(STATUS);
  const unknown = writeFlowEvent({ kind: "quiz" } as never);
  const foreign = known.slice();
  foreign.set(new TextEncoder().encode("urn:other"), 32);
  const events = new FlowSplitter().push(concatBytes([unknown, foreign, known]));
  expect(events).toEqual([{ kind: "event", event: STATUS }]);
});
