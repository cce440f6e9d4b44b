import fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { DETAILS_LIMITS } from "../directory/details-limits.ts";
import { EMPTY_PROFILE } from "../directory/stream-details.ts";
import { StreamDetailsBody } from "./stream-details-schemas.ts";

const parse = (body: unknown): ReturnType<typeof StreamDetailsBody.safeParse> => StreamDetailsBody.safeParse(body);
const reason = (body: unknown): string => {
  const { error } = parse(body);
  return error === undefined ? "accepted" : z.prettifyError(error);
};

test("an empty body is a stream without details, and absent members are removed", () => {
  expect(parse({}).data).toEqual(EMPTY_PROFILE.details);
  expect(parse({ title: "  Ann live  " }).data).toEqual({ ...EMPTY_PROFILE.details, title: "Ann live" });
});

test("addresses, languages and times are stored in one form, the schedule by time", () => {
  const { data } = parse({
    language: "PT-br",
    links: [{ label: "Me", url: "HTTPS://EXAMPLE.com/a b" }],
    schedule: [{ startsAt: "2026-12-02T10:00:00+02:00", title: "Later" }, { startsAt: "2026-12-01T10:00:00Z" }],
  });
  expect(data).toMatchObject({
    language: "pt-BR",
    links: [{ label: "Me", url: "https://example.com/a%20b" }],
    schedule: [
      { startsAt: "2026-12-01T10:00:00.000Z", title: "" },
      { startsAt: "2026-12-02T08:00:00.000Z", title: "Later" },
    ],
  });
});

test("a link leads to a web page and nowhere else", () => {
  const urls = [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "//example.com",
    "/watch/x",
    "https:example.com",
    "https://",
    "https://user:pw@example.com/",
    "ftp://example.com/",
    `https://example.com/${"x".repeat(DETAILS_LIMITS.linkChars)}`,
    `https://example.com/${"\u{1f600}".repeat(200)}`,
    "blob:https://example.com/x",
    7,
  ];
  for (const url of urls) expect(parse({ links: [{ label: "x", url }] }).success, String(url)).toBe(false);
});

test("every bound names its field", () => {
  expect(reason({ title: "x".repeat(DETAILS_LIMITS.titleChars + 1) })).toMatch(/more than 140 characters[\s\S]*title/);
  expect(reason({ tags: Array.from({ length: DETAILS_LIMITS.tags + 1 }, () => "x") })).toMatch(/tags/);
  expect(reason({ links: [{ label: "", url: "https://x.example" }] })).toMatch(/visible[\s\S]*links\[0\]\.label/);
  expect(reason({ host: "a\u202eb" })).toMatch(/text direction[\s\S]*host/);
  expect(reason({ language: "not a language" })).toMatch(/BCP 47[\s\S]*language/);
  expect(reason({ schedule: [{ startsAt: "tomorrow" }] })).toMatch(/schedule/);
  expect(reason({ poster: "x" })).not.toBe("accepted");
});

test("no value makes the schema throw, and what it accepts it accepts again unchanged", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });
  const body = fc.record(
    {
      title: text,
      host: text,
      description: text,
      tags: fc.array(text, { maxLength: 12 }),
      language: fc.oneof(text, fc.constantFrom("de", "zh-hant-tw", null)),
      links: fc.array(fc.record({ label: text, url: fc.oneof(text, fc.webUrl()) }), { maxLength: 9 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(body, fc.jsonValue()), (value) => {
      const { data } = parse(value);
      if (data !== undefined) expect(parse(data).data).toEqual(data);
    }),
    { numRuns: 500 },
  );
});

test("details at every limit fit into a body", () => {
  const wide = (length: number): string => "\u{1f600}".repeat(length);
  const details = {
    title: wide(DETAILS_LIMITS.titleChars),
    host: wide(DETAILS_LIMITS.hostChars),
    description: wide(DETAILS_LIMITS.descriptionChars),
    tags: Array.from({ length: DETAILS_LIMITS.tags }, () => wide(DETAILS_LIMITS.tagChars)),
    links: Array.from({ length: DETAILS_LIMITS.links }, () => ({
      label: wide(DETAILS_LIMITS.linkLabelChars),
      url: `https://x.example/${"a".repeat(DETAILS_LIMITS.linkChars - 18)}`,
    })),
    schedule: Array.from({ length: DETAILS_LIMITS.schedule }, () => ({
      startsAt: "2026-12-01T10:00:00.000Z",
      title: wide(DETAILS_LIMITS.titleChars),
    })),
  };
  expect(reason(details)).toBe("accepted");
  const escaped = JSON.stringify(details).replaceAll(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  expect(escaped.length).toBeLessThanOrEqual(DETAILS_LIMITS.bodyBytes);
});
