import { expect, test } from "vitest";
import { judge } from "./run.ts";
import { KINDS, SOURCES } from "./sources.ts";

test("each kind of odd source has three members at least", () => {
  for (const kind of Object.values(KINDS))
    expect(SOURCES.filter((source) => source.kind === kind).length).toBeGreaterThanOrEqual(3);
});

test.each(SOURCES.filter(({ quick }) => quick))(
  "$name goes on the air and stays there",
  { timeout: 120_000 },
  async (source) => {
    const { faults } = await judge(source);
    expect(faults).toEqual([]);
  },
);
