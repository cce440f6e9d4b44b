import type Hls from "hls.js";
import { expect, test } from "vitest";
import { endsInGaps, leaveGapLevel } from "./gap-levels.ts";

const part = (gap: boolean): { gap: boolean; duration: number } => ({ gap, duration: 0.333 });
const GAPS = [part(false), part(true), part(true)];

test("two gap parts at the end of a playlist are a rendition without media, and one or earlier ones are not", () => {
  expect(endsInGaps(GAPS)).toBe(true);
  expect(endsInGaps([part(true), part(true), part(false)])).toBe(false);
  expect(endsInGaps([part(false), part(true)])).toBe(false);
  expect(endsInGaps([])).toBe(false);
});

test("a rendition of gaps is left for the next lower one, unless it is the lowest or a person chose it", () => {
  const hlsWith = (autoLevelEnabled: boolean): Hls => {
    const levels = [0, 1].map(() => ({ fragmentError: 0, loadError: 0, loadErrorTime: 0 }));
    return { levels, autoLevelEnabled, nextAutoLevel: -1 } as unknown as Hls;
  };
  const left = hlsWith(true);
  leaveGapLevel(left, 1, GAPS, 7_000);
  expect([left.nextAutoLevel, left.levels[1]?.loadError, left.levels[1]?.loadErrorTime]).toEqual([0, 1, 7_000]);
  for (const [hls, level, parts] of [
    [hlsWith(true), 0, GAPS],
    [hlsWith(false), 1, GAPS],
    [hlsWith(true), 1, [part(false)]],
    [hlsWith(true), 1, null],
  ] as const) {
    leaveGapLevel(hls, level, parts, 7_000);
    expect(hls.nextAutoLevel).toBe(-1);
  }
});
