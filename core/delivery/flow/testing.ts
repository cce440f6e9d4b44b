/** Packaged media for tests of flow. */
import { comparePartPositions } from "../../broadcast/track-position.ts";
import type { TrackName } from "../../kit/ids.ts";
import { frameData, testInits, testTrackName } from "../../media/cmaf/fixtures.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "../../media/cmaf/packager.ts";
import type { ChunkOutput } from "../../media/cmaf/part-writer.ts";

/** Names of the two tracks. */
export const FLOW_TEST_TRACKS: { readonly video: TrackName; readonly audio: TrackName } = {
  video: testTrackName("720p"),
  audio: testTrackName("audio"),
};

/** Part target of both tracks, milliseconds. */
export const FLOW_TEST_PART_MS: number = partTargetFor(333, 1000 / 30);

/** Segments of 2 s. */
export const FLOW_TEST_CONFIG: PackagerConfig = {
  tracks: [
    { name: FLOW_TEST_TRACKS.video, kind: "video", timescale: 90_000, partTargetMs: FLOW_TEST_PART_MS },
    { name: FLOW_TEST_TRACKS.audio, kind: "audio", timescale: 48_000, partTargetMs: FLOW_TEST_PART_MS },
  ],
  segmentTargetMs: 2000,
  targetDurationS: 2,
  startedAtMs: 1_760_000_000_000,
};

/** What a packager has to say, in an order in which it can be published. */
export type FlowMediaStep = PackagerOutput | ({ readonly kind: "chunk" } & ChunkOutput);

/** Init sections and parts of `seconds` of 30 fps video with a keyframe every second, and of audio. */
export function packageFlowMedia(seconds: number): PackagerOutput[] {
  return packageFlowChunks(seconds).filter((step) => step.kind !== "chunk");
}

/** The same with the chunks of each part, which stand before it. */
export function packageFlowChunks(seconds: number): FlowMediaStep[] {
  const packager = new Packager(FLOW_TEST_CONFIG);
  const steps: FlowMediaStep[] = packager.beginTimeline({
    inits: testInits(FLOW_TEST_CONFIG),
    programOffsetMs: FLOW_TEST_CONFIG.startedAtMs,
  });
  let chunks: ChunkOutput[] = [];
  packager.passChunksTo((chunk) => chunks.push(chunk));
  const add = (outputs: readonly PackagerOutput[]): void => {
    const isBefore = (chunk: ChunkOutput, output: PackagerOutput): boolean =>
      output.kind === "part" && chunk.track === output.track && comparePartPositions(chunk.meta, output.meta) <= 0;
    for (const output of outputs) {
      steps.push(
        ...chunks.filter((chunk) => isBefore(chunk, output)).map((chunk) => ({ kind: "chunk", ...chunk }) as const),
      );
      chunks = chunks.filter((chunk) => !isBefore(chunk, output));
      steps.push(output);
    }
    steps.push(...chunks.map((chunk) => ({ kind: "chunk", ...chunk }) as const));
    chunks = [];
  };
  let sound = 0;
  for (let i = 0; i < seconds * 30; i += 1) {
    const picture = { dts: i * 3000, ctsOffset: 0, durationTicks: 3000, sync: i % 30 === 0, data: frameData(i) };
    add(packager.push(FLOW_TEST_TRACKS.video, picture));
    for (; sound * 1024 * 30 < (i + 1) * 48_000; sound += 1) {
      const frame = { dts: sound * 1024, ctsOffset: 0, durationTicks: 1024, sync: true, data: frameData(sound) };
      add(packager.push(FLOW_TEST_TRACKS.audio, frame));
    }
  }
  return steps;
}
