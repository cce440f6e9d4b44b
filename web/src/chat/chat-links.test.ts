import { expect, test } from "vitest";
import { splitLinks } from "./chat-links.ts";

const linksIn = (text: string): (string | null)[] => splitLinks(text).flatMap(({ href }) => href ?? []);

test("addresses become links, without the marks of the sentence around them", () => {
  expect(splitLinks("see https://example.com/parts, and (http://a.example).")).toEqual([
    { text: "see ", href: null },
    { text: "example.com/parts", href: "https://example.com/parts" },
    { text: ",", href: null },
    { text: " and (", href: null },
    { text: "a.example", href: "http://a.example/" },
    { text: ").", href: null },
  ]);
  expect(splitLinks("no link at example.com")).toEqual([{ text: "no link at example.com", href: null }]);
});

test("other schemes, addresses with a password and broken ones stay text", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,<script>",
    "//evil.test",
    "https://bank.example@evil.test/",
    `https://user:${"x".repeat(6)}@evil.test/`,
    "https://",
    "http://[::1",
  ]) {
    expect(linksIn(text), text).toEqual([]);
    expect(splitLinks(text).map((piece) => piece.text)).toEqual([text]);
  }
});

test("a link shows the host that it leads to, also where letters of another script look alike", () => {
  const [piece] = splitLinks("https://\u0430pple.example/login");
  expect(piece?.text).toBe("xn--pple-43d.example/login");
  expect(splitLinks(`https://a.example/${"x".repeat(90)}`)[0]?.text).toBe(`a.example/${"x".repeat(39)}…`);
});
