import { expect, test } from "vitest";
import type { StreamViewers } from "../../../core/broadcast/stream-status.ts";
import { findAnomalies, ViewerCountHistory } from "./anomalies.ts";

const viewers = (more: Partial<StreamViewers>): StreamViewers => ({ current: 0, peak: 0, ...more });

test("counts of real viewers are no anomaly at any size or trend", () => {
  for (const people of [0, 1, 7, 300, 100_000]) {
    const now = viewers({ current: people, watching: people, distinct: Math.round(1.3 * people), uncounted: 3 });
    expect(findAnomalies(now, null)).toEqual([]);
    expect(findAnomalies(now, viewers({ watching: 0, distinct: 0 }))).toEqual([]);
    expect(findAnomalies(viewers({ current: people, distinct: people }), now)).toEqual([]);
  }
  // Only chat, by players whose requests are not counted yet.
  expect(findAnomalies(viewers({ current: 0, watching: 40, distinct: 40 }), null)).toEqual([]);
});

test("invented viewers are reported: beyond their network's limit, without players, and all new", () => {
  expect(findAnomalies(viewers({ current: 30, watching: 530, distinct: 540, uncounted: 9_500 }), null)).toEqual([
    "9.5K more viewers are not counted: their networks are at the limit, or they have no valid device key.",
    "530 viewers report playback, but playlist requests match 30 players.",
  ]);
  const before = viewers({ current: 100, watching: 100, distinct: 120 });
  expect(findAnomalies(viewers({ current: 100, watching: 100, distinct: 900 }), before)).toEqual([
    "780 new viewers within a minute, with 100 watching.",
  ]);
});

test("counts are compared with those of a minute before, or the first ones", () => {
  const history = new ViewerCountHistory();
  expect(history.add({ atMs: 0, viewers: viewers({ distinct: 1 }) })?.distinct).toBe(1);
  expect(history.add({ atMs: 30_000, viewers: viewers({ distinct: 2 }) })?.distinct).toBe(1);
  expect(history.add({ atMs: 70_000, viewers: viewers({ distinct: 3 }) })?.distinct).toBe(2);
});
