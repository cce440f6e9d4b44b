import { expect, test } from "vitest";
import { renderAvatar, renderPoster } from "./generated-image.ts";
import { aboutAttributes, pageTitleOf, renderAbout, renderHeadTags, type StreamPage } from "./page-head.ts";
import { EMPTY_PROFILE, type StreamDetails } from "./stream-details.ts";

function pageOf(details: Partial<StreamDetails>, poster: string | null = null): StreamPage {
  return {
    stream: "show",
    profile: { details: { ...EMPTY_PROFILE.details, ...details }, images: { poster, avatar: null } },
    origin: "https://live.example",
    siteName: "Corral",
  };
}

const HOSTILE = [
  `</title><script>alert(1)</script>`,
  `" onload="alert(1)`,
  `'><img src=x onerror=alert(1)>`,
  `<!--`,
  `]]>`,
  `&quot;&lt;`,
  "{{7*7}}",
];

test("hostile texts stay text: no markup of the page and its pictures comes from them", () => {
  for (const text of HOSTILE) {
    const page = pageOf({
      title: text,
      host: text,
      description: text,
      tags: [text],
      links: [{ label: text, url: `https://x.example/?q="><script>` }],
    });
    const harmless = pageOf({
      title: "x",
      host: "x",
      description: "x",
      tags: ["x"],
      links: [{ label: "x", url: "https://x.example/" }],
    });
    for (const render of [renderHeadTags, renderAbout]) {
      expect(markupOf(render(page)), text).toEqual(markupOf(render(harmless)));
    }
    const { details } = page.profile;
    expect(markupOf(renderAvatar("show", details))).toEqual(markupOf(renderAvatar("show", { title: "x", host: "x" })));
    expect(new Set(markupOf(renderPoster("show", details)))).toEqual(
      new Set(markupOf(renderPoster("show", { title: "x", host: "x" }))),
    );
  }
});

/** Names of elements and attributes, in order. */
function markupOf(html: string): string[] {
  return [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/"[^"]*"/g, '""'));
}

test("a link preview has title, description, address and the uploaded poster", () => {
  const head = renderHeadTags(
    pageOf({ title: "Night ride", host: "Ann", description: "By\n\nbike." }, "0011223344556677"),
  );
  for (const tag of [
    `<meta property="og:title" content="Night ride" />`,
    `<meta property="og:description" content="By bike." />`,
    `<meta property="og:url" content="https://live.example/watch/show" />`,
    `<meta property="og:image" content="https://live.example/api/streams/show/images/poster?v=0011223344556677" />`,
    `<meta name="twitter:card" content="summary_large_image" />`,
    `href="https://live.example/api/oembed?url=https%3A%2F%2Flive.example%2Fwatch%2Fshow"`,
  ]) {
    expect(head).toContain(tag);
  }
});

test("a stream without details is called by its name, and has neither a picture in previews nor a block", () => {
  const page = pageOf({});
  expect(pageTitleOf(page)).toBe("show · Corral");
  expect(renderHeadTags(page)).toContain(`<meta name="twitter:card" content="summary" />`);
  expect(renderHeadTags(page)).not.toContain("og:image");
  expect(renderAbout(page)).toBe("");
});

test("a long description is cut at a word, in characters", () => {
  const head = renderHeadTags(pageOf({ description: `${"😀".repeat(150)} ${"y".repeat(100)}` }));
  expect(head).toContain(`content="${"😀".repeat(150)}…"`);
});

test("links of hosts open nothing of the page, and are no recommendation", () => {
  const about = renderAbout(pageOf({ host: "Ann", links: [{ label: "Site", url: "https://ann.example/" }] }));
  expect(about).toContain(`<a href="https://ann.example/" rel="nofollow ugc noopener noreferrer" target="_blank">`);
});

test("the next announced broadcast is one that is not long over", () => {
  const schedule = ["2026-12-01T10:00:00.000Z", "2026-12-02T10:00:00.000Z"].map((startsAt) => ({
    startsAt,
    title: "",
  }));
  const at = (iso: string): unknown => aboutAttributes(pageOf({ schedule }), Date.parse(iso))["data-starts-at"];
  expect(at("2026-12-01T10:30:00Z")).toBe("2026-12-01T10:00:00.000Z");
  expect(at("2026-12-01T11:30:00Z")).toBe("2026-12-02T10:00:00.000Z");
  expect(at("2026-12-03T11:30:00Z")).toBeUndefined();
});

test("a generated poster has at most three lines of title, whatever it is", () => {
  for (const title of ["x".repeat(140), "日".repeat(140), "a b ".repeat(35), "👩‍👩‍👧‍👦".repeat(40)]) {
    const lines = [...renderPoster("show", { title, host: "" }).matchAll(/<text [^>]*>([^<]*)</g)];
    expect(lines.length).toBe(3);
    expect(lines.at(-1)?.[1]).toMatch(/…$/);
  }
});
