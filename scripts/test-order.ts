/** The order of test files within a run: those that take long come first, so that nothing waits for one that began last. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Ends of the paths of files that take more than ten seconds, though they are short. */
const LONG_FILES: readonly string[] = [
  "core/media/cmaf/ffmpeg.test.ts",
  "core/media/cmaf/keyframes.property.test.ts",
  "durable-objects/room/evictions.test.ts",
  "durable-objects/room/room-relay.test.ts",
  "origin/ingest-node/srt-listener.ffmpeg.test.ts",
  "origin/ingest-node/transcode-ffmpeg.test.ts",
  "origin/main.test.ts",
  "origin/packager/source-supervisor.test.ts",
  "tests/attacks/edge/full-disk.test.ts",
  "tests/attacks/edge/ingest-node.test.ts",
  "tests/attacks/edge/kills.test.ts",
  "tests/attacks/objects/rate-limits.test.ts",
  "tests/attacks/objects/recordings.test.ts",
  "tests/attacks/objects/room-frames.test.ts",
  "tests/attacks/objects/routes.test.ts",
  "tests/browser/layout-shift.test.ts",
  "tests/browser/pages.test.ts",
  "tests/conformance/conformance.test.ts",
  "tests/edge/counters.test.ts",
  "tests/edge/tree.test.ts",
  "tests/sources/listen.test.ts",
  "tests/sources/sources.test.ts",
];

const isLong = ({ moduleId }: TestSpecification): boolean => LONG_FILES.some((end) => moduleId.endsWith(`/${end}`));

/** Vitest's order with the long files of each project first. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    return projects.flatMap((project) => {
      const own = sorted.filter((file) => file.project === project);
      return [...own.filter(isLong), ...own.filter((file) => !isLong(file))];
    });
  }
}
