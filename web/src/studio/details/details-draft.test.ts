import { expect, test } from "vitest";
import { parseStoredDetails, toDetailsRequest } from "./details-draft.ts";

const ANSWER = {
  stream: "show",
  title: "Title",
  host: "Ann",
  description: "One\nTwo",
  tags: ["a", "b c"],
  language: "de",
  links: [{ label: "Site", url: "https://ann.example/" }],
  schedule: [{ startsAt: "2026-12-01T19:00:00.000Z", title: "" }],
  isListed: false,
  embedOrigins: ["https://blog.example"],
  poster: { path: "/api/streams/show/images/poster", isGenerated: true },
  avatar: { path: "/api/streams/show/images/avatar?v=0011223344556677", isGenerated: false },
};

test("a form that nobody touched sends what the edge has, in any time zone", () => {
  const stored = parseStoredDetails(ANSWER);
  if (stored === null) throw new Error("no details");
  const { stream: _, poster, avatar, ...details } = ANSWER;
  expect(toDetailsRequest(stored.draft)).toEqual(details);
  expect([stored.poster, stored.avatar]).toEqual([poster, avatar]);
});

test("rows without an address or a time are left out, and an empty language is none", () => {
  const stored = parseStoredDetails({ ...ANSWER, isListed: null });
  if (stored === null) throw new Error("no details");
  const links = [{ label: "Site", url: " " }];
  const schedule = [{ localTime: "", title: "Soon" }];
  expect(toDetailsRequest({ ...stored.draft, language: " ", tags: " , x,", links, schedule })).toMatchObject({
    language: null,
    tags: ["x"],
    links: [],
    schedule: [],
    isListed: null,
  });
});

test("origins that may embed the player are one a line; without a list the policy decides", () => {
  const stored = parseStoredDetails({ ...ANSWER, embedOrigins: null });
  if (stored === null) throw new Error("no details");
  expect(toDetailsRequest(stored.draft).embedOrigins).toBeNull();
  const listed = { ...stored.draft, embeds: "listed" } as const;
  expect(toDetailsRequest(listed).embedOrigins).toEqual([]);
  const text = " https://a.example\n\nhttps://b.example, https://c.example\n";
  expect(toDetailsRequest({ ...listed, embedOrigins: text }).embedOrigins).toEqual([
    ...["https://a.example", "https://b.example", "https://c.example"],
  ]);
});

test("an answer that is no description of a stream is null", () => {
  for (const body of [null, "x", {}, { title: "x" }]) expect(parseStoredDetails(body)).toBeNull();
});
