import { expect, test } from "vitest";
import { MODERATION_CATEGORIES } from "../../../../core/moderation/categories.ts";
import type { DenialReason } from "../../../../core/room/entries/denied.ts";
import { denialReasonText, holdReasonText } from "./review-text.ts";

test("every reason is told in words, and one of a later release as it is", () => {
  expect(
    [...MODERATION_CATEGORIES, "blocked", "reviewer"].map((each) => denialReasonText(each as DenialReason)),
  ).toEqual([
    "strong language",
    "sexual words",
    "hate",
    "harassment",
    "spam",
    "a blocked word",
    "refused by the reviewer",
  ]);
  expect(denialReasonText("later" as DenialReason)).toBe("later");
  expect((["mode", "reviewer", "unreviewed", "spam"] as const).map(holdReasonText)).toEqual([
    ...["every message is reviewed", "the reviewer is unsure", "the reviewer did not answer", "may be spam"],
  ]);
});
