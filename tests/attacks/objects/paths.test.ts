/** Unusual addresses: each has a proper response. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { testEdge } from "../../../workers/testing.ts";

const ODD = [
  "//",
  "///",
  "//example.com",
  "//example.com/watch/demo",
  "/%2e%2e",
  "/%2e%2e/%2e%2e/etc/passwd",
  "/..%2f..",
  "/.%2e/",
  "/%2f",
  "/%2F%2F",
  "/%5c",
  "/\\",
  "/%",
  "/%zz",
  "/%00",
  "/%ff",
  "/%c0%ae%c0%ae/",
  "/watch/",
  "/watch/%2e%2e",
  "/watch//demo",
  "/watch/demo//",
  "/studio/%2f",
  "/golive/%2f",
  "/live",
  "/live/",
  "/live//",
  "/live/%2e%2e/api",
  "/live/a/b/c/d/e/f",
  "/api",
  "/api/",
  "/api//streams",
  "/api/streams//keys",
  "/rooms//socket",
  "/ingest//",
  "/ingest/a//",
  "/metrics/",
  "/assets/",
  "/assets/%2e%2e/",
  "/index.html",
  "/watch.html",
  "/404",
  "/404.html",
  "/.git/config",
  "/a;b=c",
  "/a:b",
  "/@fs/etc/passwd",
  "/?",
  "/??x",
  "/#",
];

const piece = fc.oneof(
  fc.constantFrom(
    "/",
    "//",
    ".",
    "..",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5C",
    "%",
    "%00",
    "%ff",
    "?",
    ";",
    ":",
    "@",
    "\\",
    "é",
    "🐄",
  ),
  fc.constantFrom("live", "api", "streams", "rooms", "ingest", "watch", "studio", "assets", "metrics", "dev", "token"),
  fc.constantFrom(
    "demo",
    "broadcast1",
    "video",
    "media.m3u8",
    "multivariant.m3u8",
    "socket",
    "replay",
    "keys",
    "0.m4s",
  ),
  fc.string({ maxLength: 6 }),
);
const address = fc.array(piece, { maxLength: 10 }).map((pieces) => `/${pieces.join("")}`);
const method = fc.constantFrom("GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE");

async function answerOf(path: string, init: RequestInit = {}): Promise<string> {
  const answer = await testEdge.ask(path, { redirect: "manual", ...init });
  await answer.arrayBuffer();
  return `${path} ${answer.status}`;
}

test("unusual addresses are answered with the object or a clean 404", async () => {
  for (const path of ODD) expect(await answerOf(path)).toMatch(/ (2\d\d|3\d\d|400|401|403|404|405)$/);
});

test("no address causes an error in the Worker", async () => {
  await fc.assert(
    fc.asyncProperty(address, method, async (path, how) => {
      expect(await answerOf(path, { method: how })).toMatch(/ (2\d\d|3\d\d|400|401|403|404|405)$/);
    }),
    { numRuns: 300 },
  );
});
