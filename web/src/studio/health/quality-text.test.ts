import { expect, test } from "vitest";
import type { QualityRow } from "../../../../core/quality/quality-tally.ts";
import { parseQualityAnswer } from "./quality-answer.ts";
import { describeQualityRow, formatHourly, formatPercentiles, nameQualityRow } from "./quality-text.ts";

const ROW: QualityRow = {
  ...{ name: "all", viewers: 42, watchedMs: 9e7, startupP50Ms: 840, startupP95Ms: 2_100 },
  ...{ delayP50Ms: 1_900, delayP95Ms: 4_000, stalls: 12, stalledMs: 30_000, stallsPerHour: 0.48 },
  ...{ stalledSecondsPerHour: 1.2, errors: 2 },
};

test("what viewers reported is a sentence", () => {
  expect(describeQualityRow(ROW)).toBe(
    "42 viewers reported: the picture came within 0.84 s for half of them, the delay was at most 1.90 s for half of them, " +
      "playback stalled 1.20 s per hour watched, playback failed 2 times.",
  );
  const one = { ...ROW, viewers: 1, stalledSecondsPerHour: null, errors: 0 };
  expect(describeQualityRow(one)).toBe(
    "One viewer reported: the picture came within 0.84 s, the delay was at most 1.90 s.",
  );
  const unknown = { startupP50Ms: null, delayP50Ms: null, stalledSecondsPerHour: null, errors: 0 };
  expect(describeQualityRow({ ...ROW, ...unknown, viewers: 1 })).toBe("One viewer reported.");
  expect(describeQualityRow({ ...ROW, viewers: 0 })).toBe("No viewer has reported yet.");
});

test("cells are formatted, unknown ones as a dash", () => {
  expect(formatPercentiles(840, 2_100)).toBe("0.84 s (2.10 s)");
  expect(formatPercentiles(null, null)).toBe("–");
  expect(formatHourly(0.48, (value) => value.toFixed(1))).toBe("0.5");
  expect(formatHourly(null, String)).toBe("–");
  const countryName = (code: string): string | undefined => (code === "DE" ? "Germany" : undefined);
  expect(nameQualityRow("country", "DE", countryName)).toBe("Germany");
  expect(nameQualityRow("country", "ZZ", countryName)).toBe("ZZ");
  expect(nameQualityRow("country", "other", countryName)).toBe("Other");
  expect(nameQualityRow("device", "tv", countryName)).toBe("TV");
  expect(nameQualityRow("rendition", "720p", countryName)).toBe("720p");
});

test("an answer is parsed, without what is malformed", () => {
  const answer = { all: ROW, country: [ROW, { viewers: 1 }, null], device: "none", rendition: [] };
  expect(parseQualityAnswer(JSON.parse(JSON.stringify(answer)))).toEqual({ ...answer, country: [ROW], device: [] });
  expect(parseQualityAnswer({ ...answer, all: {} })).toBeNull();
  expect(parseQualityAnswer(null)).toBeNull();
});
