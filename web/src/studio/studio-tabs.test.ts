import { expect, test } from "vitest";
import { firstTab, parseStudioTab, STUDIO_TABS, withStudioTab } from "./studio-tabs.ts";

test("an address names a tab, and keeps the rest of itself with another one", () => {
  for (const tab of STUDIO_TABS) expect(parseStudioTab(`?tab=${tab}`)).toBe(tab);
  for (const query of ["", "?tab=", "?tab=constructor", "?room"]) expect(parseStudioTab(query)).toBeNull();
  expect(withStudioTab("https://edge.example/studio/show?tab=room&x=1#token=a.b", "health")).toBe(
    "https://edge.example/studio/show?tab=health&x=1#token=a.b",
  );
});

test("who is on the air begins in the room, anybody else with going live", () => {
  expect(firstTab("live")).toBe("room");
  for (const phase of ["asking", "none", "ended", "stopped"] as const) expect(firstTab(phase)).toBe("golive");
});
