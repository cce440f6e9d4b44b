import { decodeCmsdStatic } from "@svta/cml-cmsd";
import { expect, test } from "vitest";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { testEdge } from "../testing.ts";

async function cmsd(path: string): Promise<Record<string, unknown>> {
  const answer = await testEdge.ask(path);
  await answer.arrayBuffer();
  expect(answer.headers.get("access-control-expose-headers")).toContain("CMSD-Static");
  const decoded = decodeCmsdStatic(answer.headers.get("cmsd-static") ?? "");
  return Object.fromEntries(Object.entries(decoded).map(([key, value]) => [key, symbolText(value)]));
}

/** The library parses tokens as symbols. */
const symbolText = (value: unknown): unknown => (typeof value === "symbol" ? value.description : value);

test("every kind of response has its CMSD object type: playlists, init sections, parts, segments, live and ended", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 8);
  const [video] = publisher.config.tracks;
  const br = Math.round((video?.averageBandwidth ?? 0) / 1000);
  const timescale = video?.timescale ?? 1;
  const d = (parts: number): number => Math.round((parts * 30_000 * 1000) / timescale);
  expect(await cmsd(`/live/${publisher.stream}/multivariant.m3u8`)).toEqual({ ot: "m", sf: "h", st: "l" });
  expect(await cmsd(publisher.path("video", "media.m3u8"))).toEqual({ ot: "m", sf: "h", st: "l" });
  expect(await cmsd(publisher.path("video", "iframes.m3u8"))).toEqual({ ot: "m", sf: "h", st: "l" });
  expect(await cmsd(publisher.path("video", "init-1.mp4"))).toEqual({ ot: "i", sf: "h", st: "l" });
  expect(await cmsd(publisher.path("video", "1.1.m4s"))).toEqual({ ot: "v", sf: "h", st: "l", br, d: d(1) });
  expect(await cmsd(publisher.path("audio", "1.1.m4s"))).toMatchObject({ ot: "a" });
  expect(await cmsd(publisher.path("video", "0.m4s"))).toEqual({ ot: "v", sf: "h", st: "l", br, d: d(6) });
  const flow = await testEdge.ask(`/live/${publisher.stream}/${publisher.config.broadcast}/flow.mp4?audio=none`, {
    method: "HEAD",
  });
  const described = decodeCmsdStatic(flow.headers.get("cmsd-static") ?? "");
  const texts = Object.fromEntries(Object.entries(described).map(([key, value]) => [key, symbolText(value)]));
  expect(texts).toEqual({ ot: "v", sf: "o", st: "l", br });
  await publisher.end();
  expect(await cmsd(publisher.path("video", "media.m3u8"))).toEqual({ ot: "m", sf: "h", st: "v" });
  expect(await cmsd(publisher.path("video", "vod.m3u8"))).toEqual({ ot: "m", sf: "h", st: "v" });
});
