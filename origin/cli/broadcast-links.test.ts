import { expect, test } from "vitest";
import type { StreamName } from "../../core/kit/ids.ts";
import { type BroadcastLinks, describeBroadcastLinks, renderWatchCode } from "./broadcast-links.ts";

const local: BroadcastLinks = {
  stream: "show" as StreamName,
  edgeUrl: "http://127.0.0.1:8787",
  networkUrls: [],
  issuesTokens: true,
  viewerToken: null,
  hostToken: null,
};
const shared = { ...local, issuesTokens: false, networkUrls: ["http://192.168.1.5:8787", "http://10.0.0.2:8787"] };

test("on loopback the studio's link carries no token, because browsers of the machine need none", () => {
  expect(describeBroadcastLinks(local).lines).toEqual([
    "On the air. Watch:    http://127.0.0.1:8787/watch/show",
    "            Playlist: http://127.0.0.1:8787/live/show/multivariant.m3u8",
    "            Studio:   http://127.0.0.1:8787/studio/show (the host's: browsers on this machine need no token)",
  ]);
});

test("in a network viewers get its addresses, and only the studio's link, for this machine, the host's token", () => {
  const { lines } = describeBroadcastLinks({ ...shared, hostToken: "H", viewerToken: "V" });
  expect(lines.slice(0, 3)).toEqual([
    "On the air. Watch:    http://192.168.1.5:8787/watch/show#token=V",
    "                      http://10.0.0.2:8787/watch/show#token=V",
    "            Playlist: http://192.168.1.5:8787/live/show/multivariant.m3u8?token=V",
  ]);
  expect(lines[3]).toMatch(/Studio: {3}http:\/\/127\.0\.0\.1:8787\/studio\/show#token=H .*keep it to yourself/);
  expect(lines.filter((line) => line.includes("=H"))).toHaveLength(1);
});

test("without the host's token the studio's link says that it asks for one, unless the edge issues them", () => {
  expect(describeBroadcastLinks({ ...local, issuesTokens: false }).lines.at(-1)).toContain("it asks for a token");
});

test("the members of the record have no token, whatever the lines have", () => {
  const { fields } = describeBroadcastLinks({ ...shared, hostToken: "H", viewerToken: "V" });
  expect(fields).toEqual({
    event: "on-air",
    watch: "http://192.168.1.5:8787/watch/show",
    playlist: "http://192.168.1.5:8787/live/show/multivariant.m3u8",
    studio: "http://127.0.0.1:8787/studio/show",
  });
});

test("the QR code is of the viewers' link, whatever the host's token is", () => {
  const code = renderWatchCode({ ...shared, hostToken: "H" });
  expect(code).toEqual(renderWatchCode(shared));
  expect(code).not.toEqual(renderWatchCode({ ...shared, networkUrls: ["http://192.168.1.6:8787"] }));
  expect(Math.max(...code.map((line) => line.length))).toBeLessThan(80);
});
