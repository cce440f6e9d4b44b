import { afterEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../../core/kit/virtual-clock.ts";
import type { MediaSourceClass } from "../media-source.ts";
import { EarlyFlow } from "./early-flow.ts";
import type { FlowOutcome } from "./flow-options.ts";
import { FlowPlayback } from "./flow-playback.ts";
import { FLOW_RENEWAL_MS } from "./flow-recovery.ts";
import { FakeSource } from "./testing.ts";

afterEach(() => vi.unstubAllGlobals());

/** One request of a playback. */
interface Asked {
  readonly query: URLSearchParams;
  readonly authorization: string | null;
  readonly signal: AbortSignal;
  answer(status: number, headers?: Record<string, string>): void;
}

/** A playback whose requests the test answers. */
class PlaybackBench {
  readonly clock = new VirtualClock();
  readonly asked: Asked[] = [];
  readonly outcomes: FlowOutcome[] = [];
  readonly playback: FlowPlayback;
  token: string | null = null;
  nextToken: string | null = null;

  constructor(makeEarly: (clock: VirtualClock) => EarlyFlow | null = () => null) {
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:1", revokeObjectURL: () => {} }));
    vi.stubGlobal(
      "fetch",
      (url: string, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
        const { promise, resolve } = Promise.withResolvers<Response>();
        this.asked.push({
          query: new URL(url, "http://edge").searchParams,
          authorization: headers["authorization"] ?? null,
          signal,
          answer: (status, more = {}) => resolve(new Response(null, { status, headers: more })),
        });
        return promise;
      },
    );
    this.playback = new FlowPlayback({
      video: { currentTime: 0, paused: false, buffered: { length: 0 }, src: "" } as unknown as HTMLVideoElement,
      platform: { clock: this.clock, random: () => 0.5, newId: () => "" },
      mediaSource: FakeSource as unknown as MediaSourceClass,
      access: {
        token: () => this.token,
        expiresInMs: () => null,
        renew: async () => {
          const isRenewed = this.nextToken !== this.token;
          this.token = this.nextToken;
          return isRenewed;
        },
      },
      ...{ url: "/live/show/b1/flow.mp4", rungs: [{ name: "360p", bandwidth: 7e5 }], audio: "audio", startRung: 0 },
      ...{
        chosen: () => null,
        sizeCap: () => 0,
        onTakeOver: null,
        early: makeEarly(this.clock),
        renewAfterMs: FLOW_RENEWAL_MS,
        onStatus: () => {},
      },
      report: (outcome) => this.outcomes.push(outcome),
    });
  }

  /** Time passes, as the page's ticks see it. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.playback.tick(this.clock.monotonicMs());
    await this.clock.advance(0);
  }
}

test("after a sleep the playback joins anew at once, and drops what it had asked for", async () => {
  const bench = new PlaybackBench();
  await bench.pass(100);
  expect(bench.asked.map(({ query }) => String(query))).toEqual(["video=360p&audio=audio&join=latest"]);
  await bench.pass(8 * 3_600_000);
  expect(bench.asked.length).toBe(2);
  expect(bench.asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  expect(bench.outcomes).toEqual([]);
});

/** What the page's first script asks for, in this rendition. */
const beginEarly =
  (name: string) =>
  (clock: VirtualClock): EarlyFlow | null =>
    EarlyFlow.begin({
      ...{ stream: "show", broadcast: "b1", token: null, lines: 360, downlinkMbps: undefined, clock },
      tracks: [
        { name, kind: "video", codecs: "avc1", bandwidth: 7e5, partTargetMs: 200 },
        { name: "audio", kind: "audio", codecs: "mp4a", bandwidth: 1e5, partTargetMs: 200 },
      ],
      isTypeSupported: () => true,
    });

test("a response that was asked for early is the first one, and is dropped as any other", async () => {
  const bench = new PlaybackBench(beginEarly("360p"));
  await bench.pass(100);
  expect(bench.asked.map(({ signal }) => signal.aborted)).toEqual([false]);
  bench.playback.suspend();
  expect(bench.asked.map(({ signal }) => signal.aborted)).toEqual([true]);
});

test("one that was asked for early with other tracks is dropped", async () => {
  const bench = new PlaybackBench(beginEarly("240p"));
  await bench.pass(100);
  expect(bench.asked.map(({ query, signal }) => [query.get("video"), signal.aborted])).toEqual([
    ["240p", true],
    ["360p", false],
  ]);
});

test("a network that is back is asked at once, if nothing has come for a second", async () => {
  const bench = new PlaybackBench();
  await bench.pass(500);
  bench.playback.retryNow();
  expect(bench.asked.length).toBe(1);
  await bench.pass(600);
  bench.playback.retryNow();
  expect(bench.asked.map(({ signal }) => signal.aborted)).toEqual([true, false]);
});

test("without media in time another player goes on", async () => {
  const bench = new PlaybackBench();
  await bench.pass(1_400);
  expect(bench.outcomes).toEqual([]);
  await bench.pass(200);
  expect(bench.outcomes).toEqual([{ kind: "obstacle", obstacle: "slow-start" }]);
  expect(bench.asked[0]?.signal.aborted).toBe(true);
});

test("a failed request is repeated at once, then after a while, then no more", async () => {
  const bench = new PlaybackBench();
  bench.asked[0]?.answer(502);
  await bench.pass(0);
  expect(bench.asked.length).toBe(2);
  bench.asked[1]?.answer(502);
  await bench.pass(0);
  expect(bench.asked.length).toBe(2);
  await bench.pass(500);
  expect(bench.asked.length).toBe(3);
  bench.asked[2]?.answer(502);
  await bench.pass(0);
  expect([bench.asked.length, bench.outcomes]).toEqual([3, [{ kind: "obstacle", obstacle: "failing" }]]);
});

test("a refused token is renewed, and asked with again; without another the refusal stands", async () => {
  const bench = new PlaybackBench();
  bench.nextToken = "second";
  bench.asked[0]?.answer(401);
  await bench.pass(0);
  expect(bench.asked.map(({ authorization }) => authorization)).toEqual([null, "Bearer second"]);
  bench.asked[1]?.answer(403);
  await bench.pass(0);
  expect(bench.outcomes).toEqual([{ kind: "refused", status: 403 }]);
});

test("a join that is put off is reported with its wait", async () => {
  const bench = new PlaybackBench();
  bench.asked[0]?.answer(503, { "retry-after": "2" });
  await bench.pass(0);
  expect(bench.outcomes).toEqual([{ kind: "crowded", retryAfterS: 2 }]);
});
