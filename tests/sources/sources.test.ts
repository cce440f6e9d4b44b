import { expect, test } from "vitest";
import { judgeSource } from "./judge-source.ts";
import { SOURCE_KINDS } from "./odd-source.ts";
import { ODD_SOURCES } from "./sources.ts";

test("each kind of odd source has at least three members", () => {
  for (const kind of Object.values(SOURCE_KINDS))
    expect(ODD_SOURCES.filter((source) => source.kind === kind).length).toBeGreaterThanOrEqual(3);
});

test.each(ODD_SOURCES.filter(({ quick }) => quick))(
  "$name goes on air and stays on air",
  { timeout: 120_000 },
  async (source) => {
    const { faults } = await judgeSource(source);
    expect(faults).toEqual([]);
  },
);
