/** Strangers who request unknown media of a live stream: the isolate refuses it without upstream requests. */
import { expect, test } from "vitest";
import { testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import { figure, whole } from "../scale.ts";
import { CountedGateway } from "./counting.ts";

/** A live stream with its own recording. */
async function liveStream(): Promise<{ live: TestPublisher; over: TestPublisher }> {
  const over = new TestPublisher(testEdge);
  await over.openWithInits();
  await over.putParts(0, 12);
  expect((await over.end()).status).toBe(200);
  const live = new TestPublisher(testEdge, { stream: over.stream, key: over.key });
  await live.openWithInits();
  await live.putParts(0, 14);
  return { live, over };
}

let invented = 0;
const id = (): string => {
  invented += 1;
  return `invented${invented.toString(36).padStart(6, "0")}`;
};

/** Kinds of unknown paths, each with a number that makes it unique. */
function kinds({ live, over }: { live: TestPublisher; over: TestPublisher }): Record<string, (n: number) => string> {
  const { stream } = live;
  const ended = (file: string): string => over.path("video", file);
  return {
    "tracks of the live broadcast": (n) => live.path(`track${n}`, "media.m3u8"),
    "its init sections": (n) => live.path("video", `init-${n + 2}.mp4`),
    "its segments": (n) => live.path("video", `${n + 100}.m4s`),
    "its parts": (n) => live.path("video", `${n + 100}.0.m4s`),
    "its recording": () => live.path("video", "vod.m3u8"),
    "playlists of unknown broadcasts": () => `/live/${stream}/${id()}/video/media.m3u8`,
    "init sections of unknown broadcasts": () => `/live/${stream}/${id()}/video/init-1.mp4`,
    "segments of unknown broadcasts": () => `/live/${stream}/${id()}/video/0.m4s`,
    "parts of unknown broadcasts": () => `/live/${stream}/${id()}/video/0.0.m4s`,
    "tracks of a recording": (n) => over.path(`track${n}`, "media.m3u8"),
    "its later init sections": (n) => ended(`init-${n + 2}.mp4`),
    "its later segments": (n) => ended(`${n + 2}.m4s`),
    "its former parts": (n) => ended(`0.${n}.m4s`),
  };
}

test("unknown tracks, broadcasts, init sections, parts and segments of a live stream cost upstream requests by time, not by number", async () => {
  const streams = await liveStream();
  const gateway = new CountedGateway();
  // With a viewer: the feed must not count for the attack.
  expect(await gateway.ask(`/live/${streams.live.stream}/multivariant.m3u8`)).toBe(200);
  const paths = Object.entries(kinds(streams));
  const perKind = Math.ceil((whole ? 10_000 : 2_600) / paths.length);
  let total = 0;
  for (const [kind, path] of paths) {
    const before = gateway.calls.length;
    for (let n = 0; n < perKind; n += 100) {
      const round = Array.from({ length: Math.min(100, perKind - n) }, (_, index) => gateway.ask(path(n + index)));
      for (const status of await Promise.all(round)) expect(status, kind).toBe(404);
    }
    const calls = gateway.calls.slice(before).filter((call) => !call.endsWith(".fetch"));
    total += calls.length;
    expect(calls.length, `${kind}: ${calls.join()}`).toBeLessThanOrEqual(6);
  }
  figure(`upstream requests for ${perKind * paths.length} invented media paths of a live stream`, total, 10);
  expect(total).toBeLessThanOrEqual(10);
});

test("a recording's objects are found all the same, and so is a broadcast that was just replaced", async () => {
  const { live, over } = await liveStream();
  expect((await testEdge.ask(over.path("video", "init-1.mp4"))).status).toBe(200);
  expect((await testEdge.ask(over.path("video", "1.m4s"))).status).toBe(200);
  expect((await testEdge.ask(over.path("video", "vod.m3u8"))).status).toBe(200);
  const next = new TestPublisher(testEdge, { stream: live.stream, key: live.key });
  expect((await live.end()).status).toBe(200);
  await next.openWithInits();
  await next.putParts(0, 2);
  // The isolate's copy of the ids is older; it is read again on a miss.
  await expect
    .poll(async () => (await testEdge.ask(live.path("video", "vod.m3u8"))).status, { timeout: 5_000 })
    .toBe(200);
});
