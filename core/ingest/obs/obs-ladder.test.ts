import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseObsLadder, OBS_LADDER_LIMITS, type ObsPreferences } from "./obs-ladder.ts";

const preferences = (over: Partial<ObsPreferences> = {}): ObsPreferences => ({
  width: 1920,
  height: 1080,
  frameRate: { numerator: 30, denominator: 1 },
  maxKilobitsPerSecond: null,
  maxTracks: null,
  ...over,
});

const sizes = (over: Partial<ObsPreferences>): string[] =>
  chooseObsLadder(preferences(over)).map(
    ({ width, height, kilobitsPerSecond }) => `${width}x${height}:${kilobitsPerSecond}`,
  );

test("a canvas gets its own size and the next lower ones, at most three", () => {
  expect(sizes({})).toEqual(["1920x1080:5000", "1280x720:2500", "854x480:1200"]);
  expect(sizes({ width: 1280, height: 720 })).toEqual(["1280x720:2500", "854x480:1200", "640x360:700"]);
  expect(sizes({ width: 3840, height: 2160 })[0]).toBe("1920x1080:5000");
  expect(sizes({ width: 320, height: 180 })).toEqual(["320x180:400"]);
});

test("a portrait canvas keeps its shape", () => {
  expect(sizes({ width: 1080, height: 1920, maxTracks: 2 })).toEqual(["1080x1920:5000", "720x1280:2500"]);
});

test("an aggregate limit lowers the rates, and then leaves the top rendition out", () => {
  expect(sizes({ maxKilobitsPerSecond: 6_960 })).toEqual(["1920x1080:4000", "1280x720:2000", "854x480:960"]);
  expect(sizes({ maxKilobitsPerSecond: 4_400 })).toEqual(["1280x720:2500", "854x480:1200", "640x360:700"]);
  expect(sizes({ maxKilobitsPerSecond: 100 })).toEqual(["426x240:200"]);
});

test("a high frame rate gets more bits, and one above 60 is divided", () => {
  const [top] = chooseObsLadder(preferences({ frameRate: { numerator: 60, denominator: 1 } }));
  expect(top?.kilobitsPerSecond).toBe(7_000);
  const [fast] = chooseObsLadder(preferences({ frameRate: { numerator: 144, denominator: 1 } }));
  expect(fast?.frameRate).toEqual({ numerator: 144, denominator: 3 });
  const [film] = chooseObsLadder(preferences({ frameRate: { numerator: 60_000, denominator: 1_001 } }));
  expect(film?.frameRate).toEqual({ numerator: 60_000, denominator: 1_001 });
});

test("any preferences give one to three even renditions, each smaller than the one before", () => {
  const side = fc.integer({ min: 16, max: 16_384 });
  const optional = fc.option(fc.integer({ min: 1, max: 1_000_000 }));
  fc.assert(
    fc.property(
      side,
      side,
      fc.integer({ min: 1, max: 1_000 }),
      optional,
      optional,
      (width, height, fps, kilobits, tracks) => {
        const frameRate = { numerator: fps, denominator: 1 };
        const ladder = chooseObsLadder({ width, height, frameRate, maxKilobitsPerSecond: kilobits, maxTracks: tracks });
        expect(ladder.length).toBeGreaterThanOrEqual(1);
        expect(ladder.length).toBeLessThanOrEqual(
          Math.min(tracks ?? OBS_LADDER_LIMITS.tracks, OBS_LADDER_LIMITS.tracks),
        );
        for (const [at, each] of ladder.entries()) {
          expect([each.width % 2, each.height % 2]).toEqual([0, 0]);
          expect(each.kilobitsPerSecond).toBeGreaterThanOrEqual(OBS_LADDER_LIMITS.minKilobitsPerSecond);
          const larger = ladder[at - 1];
          if (larger !== undefined) expect(each.width * each.height).toBeLessThan(larger.width * larger.height);
        }
      },
    ),
  );
});
