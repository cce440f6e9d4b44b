import { expect, test } from "vitest";
import { parseBroadcastOptions } from "../../origin/cli/options.ts";
import { parsePullRequest, pullCommand, restartDelayMs } from "./pull-request.ts";

const KEY = `corral_0123456789_${"x".repeat(43)}`;
const SOURCE = "rtmps://live.cloudflare.com:443/live/abc";
const parse = (body: object, stream = "show"): unknown => parsePullRequest(stream, JSON.stringify(body), true);

test("a complete request is a stream, a live input's playback address and a stream key", () => {
  expect(parse({ source: SOURCE, key: KEY })).toEqual({ stream: "show", source: SOURCE, key: KEY });
  const srt = "srt://live.cloudflare.com:778?passphrase=a&streamid=playb";
  expect(parse({ source: srt, key: KEY })).toMatchObject({ source: srt });
});

test("other hosts, options in place of addresses, and malformed keys are refused", () => {
  for (const source of ["rtmps://evil.example/live/abc", "--listen", "file:///etc/passwd", `${SOURCE} -i x`, 7])
    expect(parse({ source, key: KEY }), String(source)).toMatch(/^`source` is/);
  expect(parse({ source: SOURCE, key: "corral_x" })).toMatch(/^`key` is/);
  expect(parsePullRequest("show", "{", true)).toBe("Send JSON.");
  expect(parse({ source: SOURCE, key: KEY }, "A/B")).toMatch(/stream's name/);
});

test("the container's command line is one that the origin accepts, with the key in its environment", () => {
  const { args, env } = pullCommand({ stream: "show", source: SOURCE, key: KEY }, "https://live.example.com");
  expect(args.join(" ")).not.toContain(KEY);
  const words = args.slice(args.indexOf("origin/main.ts") + 1);
  expect(parseBroadcastOptions(words, env)).toMatchObject({
    ...{ stream: "show", edge: { url: "https://live.example.com", key: KEY } },
    input: { kind: "live", url: SOURCE },
  });
});

test("restarts wait twice as long each time, a minute at most", () => {
  expect([0, 1, 2, 10, 99].map(restartDelayMs)).toEqual([1_000, 2_000, 4_000, 60_000, 60_000]);
});
