import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamPage } from "../directory/page-head.ts";
import { EMPTY_PROFILE } from "../directory/stream-details.ts";
import { describeOembed, frameWithin } from "./oembed.ts";

const PAGE: StreamPage = {
  stream: "show",
  profile: { ...EMPTY_PROFILE, details: { ...EMPTY_PROFILE.details, title: "Night ride", host: "Ann" } },
  origin: "https://live.example",
  siteName: "Corral",
};
const UNBOUNDED = { maxWidth: null, maxHeight: null } as const;

test("where every site may embed the player, the answer is a video with its frame", () => {
  expect(describeOembed(PAGE, "any", UNBOUNDED)).toEqual({
    version: "1.0",
    type: "video",
    html: expect.stringMatching(
      /^<iframe src="https:\/\/live\.example\/embed\/show\?autoplay=0" .*width="640" height="360"/,
    ),
    width: 640,
    height: 360,
    title: "Night ride",
    author_name: "Ann",
    provider_name: "Corral",
    provider_url: "https://live.example/",
    cache_age: 300,
  });
});

test("where some sites or none may, it is a link, which has no frame", () => {
  for (const allowed of [[], ["https://blog.example"]]) {
    const answer = describeOembed(PAGE, allowed, UNBOUNDED);
    expect(answer).toMatchObject({ type: "link", title: "Night ride", author_name: "Ann" });
    expect(Object.keys(answer)).not.toContain("html");
  }
});

test("a hostile title stays in its attribute", () => {
  const details = { ...PAGE.profile.details, title: `"><script>x</script>` };
  const { html } = describeOembed({ ...PAGE, profile: { ...PAGE.profile, details } }, "any", UNBOUNDED);
  expect(String(html).match(/[<>]/g)).toHaveLength(4);
});

test("a frame has the player's shape, and is as large as the bounds permit", () => {
  expect(frameWithin({ maxWidth: 320, maxHeight: null })).toEqual({ width: 320, height: 180 });
  expect(frameWithin({ maxWidth: null, maxHeight: 400 })).toEqual({ width: 711, height: 399 });
  expect(frameWithin({ maxWidth: 100_000, maxHeight: null })).toEqual({ width: 1_920, height: 1_080 });
  const bound = fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: null });
  fc.assert(
    fc.property(bound, bound, (maxWidth, maxHeight) => {
      const size = frameWithin({ maxWidth, maxHeight });
      if (size === null) {
        expect(Math.min(maxWidth ?? 4_000, ((maxHeight ?? 4_000) * 16) / 9)).toBeLessThan(192);
        return;
      }
      expect(size.width).toBeLessThanOrEqual(maxWidth ?? 1_920);
      expect(size.height).toBeLessThanOrEqual(maxHeight ?? 1_080);
      expect(Math.abs(size.width / size.height - 16 / 9)).toBeLessThan(0.02);
    }),
  );
});
