import { expect, test } from "vitest";
import { reportLink } from "./report-link.ts";

const PAGE = "https://live.example/watch/show";
const MESSAGE = { offset: 17, by: { subject: "u-1", name: "Eve" }, text: "bad & worse\n#?" };

test("a form gets the page, the message and the account, beside its own query", () => {
  const link = new URL(reportLink("https://help.example/report?lang=en", PAGE, MESSAGE));
  expect(Object.fromEntries(link.searchParams)).toEqual({ lang: "en", url: PAGE, message: "17", account: "u-1" });
  expect(reportLink("https://help.example/report", PAGE, null)).toBe(
    "https://help.example/report?url=https%3A%2F%2Flive.example%2Fwatch%2Fshow",
  );
});

test("a mail names the page and has the message's text, which adds no field to it", () => {
  const link = new URL(reportLink("mailto:abuse@live.example", PAGE, { ...MESSAGE, text: "x&cc=all@live.example" }));
  expect(link.pathname).toBe("abuse@live.example");
  expect([...link.searchParams.keys()]).toEqual(["subject", "body"]);
  expect(link.searchParams.get("body")).toBe(`${PAGE}\r\n\r\nMessage 17 of Eve (u-1):\r\nx&cc=all@live.example\r\n`);
});
