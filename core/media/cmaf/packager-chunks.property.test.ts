import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { mergeChunks } from "./chunk.ts";
import { frameData, testInits, testTrackName } from "./fixtures.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";
import type { ChunkOutput } from "./part-writer.ts";

const [VIDEO, AUDIO] = ["720p", "audio"].map(testTrackName) as [TrackName, TrackName];
const partTargetMs = partTargetFor(333, 1000 / 30);
const CONFIG: PackagerConfig = {
  tracks: [
    { name: VIDEO, kind: "video", timescale: 90_000, partTargetMs },
    { name: AUDIO, kind: "audio", timescale: 48_000, partTargetMs },
  ],
  segmentTargetMs: 1000,
  targetDurationS: 2,
  startedAtMs: 1_760_000_000_000,
};
const FRAMES = 120;

interface Input {
  /** Lost pictures, apart from keyframes. */
  readonly lost: readonly number[];
  readonly reordering: number;
  /** The frames before which listening begins and ends. */
  readonly from: number;
  readonly until: number;
  readonly muxed: boolean;
}

function packageFrames({ lost, reordering, from, until, muxed }: Input): {
  outputs: PackagerOutput[];
  chunks: ChunkOutput[];
} {
  const config = { ...CONFIG, muxed };
  const packager = new Packager(config);
  const chunks: ChunkOutput[] = [];
  const outputs = packager.beginTimeline({ inits: testInits(config), programOffsetMs: config.startedAtMs });
  let audio = 0;
  for (let i = 0; i < FRAMES; i += 1) {
    if (i === from) packager.passChunksTo((chunk) => chunks.push(chunk));
    if (i === until) packager.passChunksTo(null);
    const isLost = i % 30 !== 0 && lost.includes(i);
    const frame = {
      dts: i * 3000,
      durationTicks: 3000,
      ctsOffset: reordering * 3000,
      sync: i % 30 === 0,
      data: frameData(i),
    };
    if (!isLost) outputs.push(...packager.push(VIDEO, frame));
    for (; audio * 1024 * 30 < (i + 1) * 48_000; audio += 1) {
      const sound = { dts: audio * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(audio) };
      outputs.push(...packager.push(AUDIO, sound));
    }
  }
  outputs.push(...packager.end());
  return { outputs, chunks };
}

const input: fc.Arbitrary<Input> = fc.record({
  lost: fc.array(fc.nat({ max: FRAMES }), { maxLength: 6 }),
  reordering: fc.nat({ max: 2 }),
  from: fc.nat({ max: FRAMES }),
  until: fc.integer({ min: 0, max: 2 * FRAMES }),
  muxed: fc.constant(false),
});

test("the chunks of a part make its bytes where no frame is missing after one of them, and listening changes no part", () => {
  fc.assert(
    fc.property(input, (given) => {
      const { outputs, chunks } = packageFrames(given);
      expect(packageFrames({ ...given, from: -1 }).outputs).toEqual(outputs);
      const starts = new Map<string, unknown>();
      const parts = new Map<string, ChunkOutput[]>();
      for (const chunk of chunks) {
        const { msn, part, frame, key, start } = chunk.meta;
        const name = `${chunk.track} ${msn}.${part}`;
        const before = parts.get(name) ?? [];
        expect(frame).toBe(before.length);
        expect(key || chunk.track === VIDEO).toBe(true);
        if (start !== undefined) starts.set(name, start);
        parts.set(name, [...before, chunk]);
      }
      for (const output of outputs) {
        if (output.kind !== "part") continue;
        const { track, meta, bytes } = output;
        const name = `${track} ${meta.msn}.${meta.part}`;
        const own = parts.get(name);
        if (own === undefined) continue;
        expect(starts.get(name)).toEqual(meta.start);
        if (own.reduce((sum, chunk) => sum + chunk.meta.durationTicks, 0) !== meta.durationTicks) continue;
        expect(mergeChunks(own.map((chunk) => chunk.bytes))).toEqual(bytes);
        expect(own[0]?.meta.key).toBe(meta.independent);
      }
    }),
  );
});

test("all parts of a regular source that begin while somebody listens are made of chunks", () => {
  const { outputs, chunks } = packageFrames({ lost: [], reordering: 1, from: 0, until: -1, muxed: false });
  for (const output of outputs) {
    if (output.kind !== "part" || output.meta.gap) continue;
    const { track, meta, bytes } = output;
    const own = chunks.filter((c) => c.track === track && c.meta.msn === meta.msn && c.meta.part === meta.part);
    expect(mergeChunks(own.map((chunk) => chunk.bytes))).toEqual(bytes);
  }
});

test("tracks that carry their audio have no chunks", () => {
  expect(packageFrames({ lost: [], reordering: 0, from: 0, until: -1, muxed: true }).chunks).toEqual([]);
});
