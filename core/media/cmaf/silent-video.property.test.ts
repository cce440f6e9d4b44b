import fc from "fast-check";
import { expect, test } from "vitest";
import type { TrackName } from "../../kit/ids.ts";
import { frameData, testInits, testTrackName } from "./fixtures.ts";
import { findOutputFault, outputFrames } from "./output-checker.ts";
import { Packager, type PackagerConfig, type PackagerOutput, partTargetFor } from "./packager.ts";

const STARTED_AT = 1_760_000_000_000;
const [HIGH, LOW] = ["720p", "360p"].map(testTrackName) as [TrackName, TrackName];
const FRAME = 3000;
const GROUP = 60;
const partTargetMs = partTargetFor(333, 1000 / 30);
const CONFIG: PackagerConfig = {
  tracks: [
    { name: LOW, kind: "video", timescale: 90_000, partTargetMs },
    { name: HIGH, kind: "video", timescale: 90_000, partTargetMs },
  ],
  segmentTargetMs: 2000,
  targetDurationS: 4,
  startedAtMs: STARTED_AT,
  maxKeyframeMs: 2100,
};

test("a rendition that is dropped anywhere and returns with a keyframe has gap parts between, and segments stay aligned", () => {
  const input = fc.record({
    dropAt: fc.integer({ min: 1, max: 200 }),
    absentGroups: fc.integer({ min: 0, max: 4 }),
    highFirst: fc.boolean(),
    reorderedFrames: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(input, ({ dropAt, absentGroups, highFirst, reorderedFrames }) => {
      const returnAt = (Math.ceil(dropAt / GROUP) + absentGroups) * GROUP;
      const outputs: PackagerOutput[] = [];
      const packager = new Packager(CONFIG);
      outputs.push(...packager.beginTimeline({ inits: testInits(CONFIG), programOffsetMs: STARTED_AT }));
      for (let i = 0; i < 600; i += 1) {
        const sync = i % GROUP === 0;
        const ctsOffset = reorderedFrames * FRAME;
        const frame = { dts: i * FRAME, ctsOffset, durationTicks: FRAME, sync, data: frameData(i) };
        const pushHigh = (): void => {
          const isAbsent = i >= dropAt && i < returnAt;
          outputs.push(...(isAbsent ? packager.markSilent(HIGH, (i + 1) * FRAME) : packager.push(HIGH, frame)));
        };
        if (highFirst) pushHigh();
        outputs.push(...packager.push(LOW, frame));
        if (!highFirst) pushHigh();
      }
      outputs.push(...packager.end());
      expect(findOutputFault(CONFIG, outputs, 0.034)).toBeNull();
      const shown = outputFrames(outputs, HIGH, "video", 90_000).map(
        ({ pts }) => Math.round(pts / FRAME) - 30 - reorderedFrames,
      );
      const expected = [...Array(600).keys()].filter((i) => i < dropAt || i >= returnAt);
      expect(shown).toEqual(expected);
      const isGap = outputs.some((output) => output.kind === "part" && output.track === HIGH && output.meta.gap);
      // One missing picture is bridged by the one before it.
      if (Math.abs(returnAt - dropAt - 1) > 0.5) expect(isGap).toBe(returnAt > dropAt);
    }),
  );
});
