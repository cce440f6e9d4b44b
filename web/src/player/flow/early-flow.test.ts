import { afterEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../../core/kit/virtual-clock.ts";
import { EarlyFlow, type EarlyFlowOptions } from "./early-flow.ts";

const track = { codecs: "avc1.64001f", partTargetMs: 200 };
const tracks = [
  { ...track, name: "720p", kind: "video", bandwidth: 2_600_000 },
  { ...track, name: "360p", kind: "video", bandwidth: 700_000 },
  { ...track, name: "audio", kind: "audio", bandwidth: 128_000, codecs: "mp4a.40.2" },
] as const;

afterEach(() => vi.unstubAllGlobals());

/** Begins one; `asked` are the requests so far. */
function begin(changed: Partial<EarlyFlowOptions> = {}) {
  const asked: { readonly url: string; readonly headers: unknown; readonly signal: AbortSignal }[] = [];
  vi.stubGlobal("fetch", (url: string, { headers, signal }: { headers: unknown; signal: AbortSignal }) => {
    asked.push({ url, headers, signal });
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  const clock = new VirtualClock();
  const early = EarlyFlow.begin({
    ...{ stream: "show", broadcast: "b1", tracks, token: null, lines: 720, downlinkMbps: 10 },
    ...{ isTypeSupported: () => true, clock, ...changed },
  });
  return { asked, clock, early };
}

const ADDRESS = "/live/show/b1/flow.mp4?video=720p&audio=audio&join=latest";

test("it asks for what a player would ask for, and gives the answer once, for that address alone", async () => {
  const { asked, early } = begin({ token: "viewer" });
  expect(asked).toMatchObject([{ url: ADDRESS, headers: { authorization: "Bearer viewer" } }]);
  expect(early?.rendition).toBe("720p");
  expect(early?.take("/live/show/b2/flow.mp4?video=720p&audio=audio&join=latest")).toBeNull();
  expect((await early?.take(ADDRESS))?.status).toBe(204);
  expect(early?.take(ADDRESS)).toBeNull();
});

test("a slow link or a small picture begins with a lower rendition", () => {
  expect(begin({ downlinkMbps: 1.6 }).early?.rendition).toBe("360p");
  expect(begin({ lines: 300 }).early?.rendition).toBe("360p");
});

test("nothing is asked for that the browser cannot play", () => {
  const { asked, early } = begin({ isTypeSupported: () => false });
  expect([early, asked]).toEqual([null, []]);
});

test("what nobody takes is dropped after a while, and not given any more", async () => {
  const { asked, clock, early } = begin();
  await clock.advance(7_900);
  expect(asked[0]?.signal.aborted).toBe(false);
  await clock.advance(200);
  expect(asked[0]?.signal.aborted).toBe(true);
  expect(early?.take(ADDRESS)).toBeNull();
});

test("what was taken goes on until its taker drops it", async () => {
  const { asked, clock, early } = begin();
  await early?.take(ADDRESS);
  await clock.advance(60_000);
  expect(asked[0]?.signal.aborted).toBe(false);
  early?.drop();
  expect(asked[0]?.signal.aborted).toBe(true);
});
