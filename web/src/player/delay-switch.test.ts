import { expect, test } from "vitest";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import { type DelayWish, FLOW_RETRY_MS, type FlowObstacle } from "./delay-choice.ts";
import { DelaySwitch, type FastestPlayer, type FlowBroadcast, type SmoothPlayer } from "./delay-switch.ts";
import type { PlayerReading } from "./player.ts";
import type { WatchStatus } from "./status.ts";

const READING: PlayerReading = {
  ...{ rendition: "720p", targetS: 0.3, programTimeMs: 1, bandwidth: 9e6, edgeDistanceS: 0.3 },
};

/** Writes down what a player is told. */
const recordCalls = (
  name: string,
  calls: string[],
): Omit<FastestPlayer, "isWaiting" | "carriesStatus" | "setBroadcast"> => ({
  isRecording: false,
  load: () => void calls.push(`${name} load`),
  stop: () => void calls.push(`${name} stop`),
  retryNow: () => {},
  seekToLive: () => void calls.push(`${name} live`),
  tick: () => {},
  onStall: () => {},
  read: () => READING,
});

/** A switch between players that only write down. */
class SwitchBench {
  readonly calls: string[] = [];
  readonly clock = new VirtualClock();
  readonly player: DelaySwitch;
  broadcast: FlowBroadcast | null = null;
  isWaiting = false;
  obstruct: (obstacle: FlowObstacle, programTimeMs: number | null) => void = () => {};

  constructor(wish: DelayWish) {
    const smooth: SmoothPlayer = {
      ...recordCalls("smooth", this.calls),
      isAtLiveEdge: true,
      loadAt: (programTimeMs) => void this.calls.push(`smooth load at ${programTimeMs}`),
    };
    const flow: FastestPlayer = Object.defineProperty(
      {
        ...recordCalls("flow", this.calls),
        isWaiting: false,
        carriesStatus: true,
        setBroadcast: (broadcast: FlowBroadcast | null) => {
          this.broadcast = broadcast;
        },
      },
      "isWaiting",
      { get: () => this.isWaiting },
    );
    this.player = new DelaySwitch({
      ...{ smooth, wish, onSwitch: () => {}, onChange: () => {} },
      platform: { clock: this.clock, random: () => 0, newId: () => "" },
      makeFlow: (onObstacle) => {
        this.obstruct = onObstacle;
        return flow;
      },
    });
  }

  /** The calls since the last look. */
  take(): string[] {
    return this.calls.splice(0);
  }

  setStatus(state: "live" | "ended", broadcast = "b1"): void {
    const track = { name: "720p", kind: "video", codecs: "avc1", bandwidth: 1e6, partTargetMs: 200 } as const;
    const status: WatchStatus = {
      ...{ source: { state, broadcast }, audience: null, startedAtMs: null, stop: null, tracks: [track] },
    };
    this.player.setStatus(status);
  }
}

/** One that plays by flow. */
function playingFlow(): SwitchBench {
  const bench = new SwitchBench("fastest");
  bench.player.load();
  bench.setStatus("live");
  bench.take();
  return bench;
}

test("without the wish the page plays LL-HLS, and flow when it is chosen", () => {
  const bench = new SwitchBench("smooth");
  bench.player.load();
  bench.setStatus("live");
  expect(bench.take()).toEqual(["smooth load"]);
  bench.player.choose("fastest");
  expect(bench.take()).toEqual(["smooth stop", "flow load"]);
  expect(bench.broadcast?.broadcast).toBe("b1");
  expect(bench.player.carriesStatus).toBe(true);
  bench.player.choose("smooth");
  expect(bench.take()).toEqual(["flow stop", "smooth load"]);
  expect(bench.player.carriesStatus).toBe(false);
});

test("LL-HLS plays after an obstacle, and flow again a minute later", async () => {
  const bench = playingFlow();
  bench.obstruct("failing", null);
  expect(bench.take()).toEqual(["flow stop", "smooth load"]);
  expect(bench.player.flowObstacle).toBe("failing");
  await bench.clock.advance(FLOW_RETRY_MS.min - 1);
  bench.player.tick(bench.clock.monotonicMs());
  expect(bench.take()).toEqual([]);
  await bench.clock.advance(1);
  bench.player.tick(bench.clock.monotonicMs());
  expect(bench.take()).toEqual(["smooth stop", "flow load"]);
  expect(bench.player.flowObstacle).toBeNull();
});

test("flow is tried at once when the network is back, unless it was not the network", () => {
  const bench = playingFlow();
  bench.obstruct("no-media", null);
  bench.take();
  bench.player.onOnline();
  expect(bench.take()).toEqual(["smooth stop", "flow load"]);
  bench.obstruct("behind", 5_000);
  bench.take();
  bench.player.onOnline();
  expect(bench.take()).toEqual([]);
});

test("LL-HLS goes to where the viewer went back to, and the live button returns to flow", () => {
  const bench = playingFlow();
  bench.obstruct("behind", 5_000);
  expect(bench.take()).toEqual(["flow stop", "smooth load at 5000"]);
  bench.player.seekToLive();
  expect(bench.take()).toEqual(["smooth stop", "flow load"]);
});

test("a recording is played by LL-HLS, whether the page or the API comes first; the next broadcast by flow", () => {
  const early = new SwitchBench("fastest");
  early.setStatus("ended");
  early.player.load();
  expect(early.take()).toEqual(["smooth load"]);

  const late = new SwitchBench("fastest");
  late.player.load();
  late.take();
  late.isWaiting = true;
  late.setStatus("ended");
  expect(late.take()).toEqual(["flow stop", "smooth load"]);
  late.setStatus("live", "b2");
  late.player.load();
  expect(late.take()).toEqual(["smooth stop", "flow load"]);
});

test("LL-HLS plays where flow can't be, whatever the viewer wants", () => {
  const calls: string[] = [];
  const player = new DelaySwitch({
    ...{ smooth: recordCalls("smooth", calls), makeFlow: null, wish: "fastest" },
    ...{ onSwitch: () => {}, onChange: () => {} },
    platform: { clock: new VirtualClock(), random: () => 0, newId: () => "" },
  });
  player.load();
  player.choose("fastest");
  expect([calls, player.flowObstacle]).toEqual([["smooth load"], "unsupported"]);
});

test("the delay of the player that does not play follows from the age of the newest media", async () => {
  const bench = playingFlow();
  // 0.3 s behind an edge that is 0.1 s old; parts of 0.2 s.
  const { fastestS, smoothS } = bench.player.readDelays(0.4);
  expect(fastestS).toBe(0.4);
  expect(smoothS).toBeCloseTo(0.1 + 3 * 0.2, 6);
  bench.player.choose("smooth");
  const smooth = bench.player.readDelays(0.4);
  expect(smooth.smoothS).toBe(0.4);
  expect(smooth.fastestS).toBeCloseTo(0.1 + 0.2 + 0.12, 6);
});
