import { afterEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../../core/kit/virtual-clock.ts";
import { FlowView, type FlowViewOptions } from "./flow-view.ts";
import { FakeSource } from "./testing.ts";

afterEach(() => vi.unstubAllGlobals());

/** A codec that the browser below can't play. */
const UNPLAYABLE = "vvc1.1.L63";

class PageSource extends FakeSource {
  static override isTypeSupported: (type?: string) => boolean = (type = "") => !type.includes(UNPLAYABLE);
}

/** What a view uses of a video element. */
class FakeVideo extends EventTarget {
  currentTime = 0;
  paused = true;
  muted = true;
  src = "";
  readonly clientHeight = 360;
  readonly buffered = { length: 0 };
  removeAttribute(): void {
    this.src = "";
  }
  load(): void {}
  async play(): Promise<void> {}
}

/** A page whose edge has a broadcast, and answers no request for its media. */
class ViewBench {
  readonly clock = new VirtualClock();
  readonly video = new FakeVideo() as unknown as HTMLVideoElement;
  readonly phases: string[] = [];
  /** When media, and the status, were asked for: monotonic milliseconds. */
  readonly mediaMs: number[] = [];
  readonly statusMs: number[] = [];
  broadcast = "b1";
  codecs = "avc1.42E01E";
  /** The status comes so late. */
  statusAfterMs = 0;

  constructor() {
    vi.stubGlobal("MediaSource", PageSource);
    vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
    vi.stubGlobal("devicePixelRatio", 1);
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:1", revokeObjectURL: () => {} }));
    vi.stubGlobal("fetch", (url: string): Promise<Response> => {
      const { promise, resolve } = Promise.withResolvers<Response>();
      if (url.includes("/flow.mp4")) this.mediaMs.push(this.clock.monotonicMs());
      else {
        this.statusMs.push(this.clock.monotonicMs());
        const track = { name: "360p", kind: "video", codecs: this.codecs, bandwidth: 7e5, partTargetMs: 200 };
        const body = { state: "live", broadcast: this.broadcast, startedAt: 0, tracks: [track] };
        this.clock.startTimer(this.statusAfterMs, () => resolve(Response.json(body)));
      }
      return promise;
    });
  }

  open(more: Partial<FlowViewOptions> = {}): FlowView {
    return new FlowView({
      ...{ video: this.video, edge: "http://edge", stream: "show" },
      platform: { clock: this.clock, random: () => 0.5, newId: () => "" },
      onChange: ({ phase }) => this.phases.push(phase),
      ...more,
    });
  }

  /** Nothing is asked for, or told, in the next minute. */
  async expectSilence(): Promise<void> {
    const before = [this.mediaMs.length, this.statusMs.length, this.phases.length];
    await this.clock.advance(60_000);
    expect([this.mediaMs.length, this.statusMs.length, this.phases.length]).toEqual(before);
    expect(this.clock.pendingTimers).toBe(0);
  }
}

test("an open view polls and tries again; a closed one asks for nothing more", async () => {
  const bench = new ViewBench();
  const view = bench.open();
  await bench.clock.advance(20_000);
  expect([bench.mediaMs.length, bench.statusMs.length].map((count) => count > 2)).toEqual([true, true]);
  view.close();
  await bench.expectSilence();
});

test.each([
  ["is slow", "avc1.42E01E", "slow-start"],
  ["can't be played", UNPLAYABLE, "unsupported"],
])("a view that its host closes since flow %s stays closed", async (_, codecs, obstacle) => {
  const bench = new ViewBench();
  bench.codecs = codecs;
  const obstacles: string[] = [];
  const view: FlowView = bench.open({
    onObstacle: (each) => {
      obstacles.push(each);
      view.close();
    },
  });
  while (obstacles.length === 0) await bench.clock.advance(100);
  expect(obstacles).toEqual([obstacle]);
  expect(bench.phases).not.toContain("failed");
  await bench.expectSilence();
});

test("a status that was under way when the view was closed opens nothing", async () => {
  const bench = new ViewBench();
  bench.statusAfterMs = 500;
  const view = bench.open();
  await bench.clock.advance(100);
  view.close();
  await bench.clock.advance(500);
  await bench.expectSilence();
  expect([bench.mediaMs, bench.phases]).toEqual([[], []]);
});

test("a retry that waits does not end the load of another broadcast", async () => {
  const bench = new ViewBench();
  bench.open();
  await bench.clock.advance(1_000);
  bench.broadcast = "b2";
  await bench.clock.advance(9_000);
  const [first, second, third] = bench.mediaMs;
  expect(first).toBe(0);
  // The next poll knows of it, before the retry of the first.
  expect(second).toBeGreaterThan(3_000);
  expect(second).toBeLessThan(5_000);
  // Its own retry is the next.
  expect(third ?? 10_000).toBeGreaterThan(9_000);
});

test("an element takes one view after another", async () => {
  const bench = new ViewBench();
  bench.open().close();
  const second = bench.open();
  await bench.clock.advance(1_000);
  expect((bench.video as unknown as { videoRenditions: unknown }).videoRenditions).toBe(second.renditions);
  expect(bench.mediaMs.length).toBe(1);
  second.close();
});
