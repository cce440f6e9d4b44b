import fc from "fast-check";
import { expect, test } from "vitest";
import { Replica } from "../../broadcast/replica.ts";
import { TailBuffer } from "../../broadcast/tail-buffer.ts";
import { makeTestConfig } from "../../broadcast/testing.ts";
import { testInit } from "../../media/cmaf/fixtures.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import { FlowAudience } from "./flow-audience.ts";
import { FlowLoad } from "./flow-load.ts";
import { FLOW_START, type FlowCursor } from "./flow-reader.ts";
import { FLOW_TEST_TRACKS } from "./testing.ts";

const { video } = FLOW_TEST_TRACKS;
const REQUEST = { video, audio: null, join: "latest" } as const;
/** Interval of a feed's messages without media. */
const BEAT_MS = 500;

/** A stream in an isolate that has `others` viewers of other streams. */
class Isolate {
  nowMs = 0;
  readonly load = new FlowLoad();
  readonly audience: FlowAudience = new FlowAudience(this.load, () => {});
  readonly replica: Replica;
  #parts = 0;
  #beatMs = 0;

  constructor(others: number) {
    for (let viewer = 0; viewer < others; viewer += 1) this.load.count(1);
    const track = { name: video, kind: "video", codecs: "x", timescale: 90_000, partTargetMs: 100 } as const;
    const config = makeTestConfig({ tracks: [{ ...track, bandwidth: 1, averageBandwidth: 1 }] });
    this.replica = new Replica("epoch", config, new TailBuffer(1e9));
    const init = testInit("video", 90_000);
    this.replica.appendEntry({ kind: "init", track: video, version: 1, byteLength: init.byteLength }, init);
    this.appendPart();
  }

  get parts(): number {
    return this.#parts;
  }

  /** Time passes, with the feed's heartbeats; `heard` is called at each. */
  advance(ms: number, heard: () => void = () => {}): void {
    const untilMs = this.nowMs + ms;
    while (this.#beatMs + BEAT_MS <= untilMs) {
      this.#beatMs += BEAT_MS;
      this.nowMs = this.#beatMs;
      this.audience.feedHeard(this.replica, this.nowMs);
      heard();
    }
    this.nowMs = untilMs;
  }

  appendPart(): void {
    const start = { programTimeMs: this.replica.config.startedAtMs, initVersion: 1, discontinuity: false };
    const part = this.#parts;
    const first = part === 0 ? { start } : {};
    const meta = { msn: 0, part, durationTicks: 3_000, independent: true, gap: false, ...first };
    this.replica.appendEntry({ kind: "part", track: video, meta, byteLength: 10 }, new Uint8Array(10).fill(part));
    this.#parts += 1;
    this.audience.feedHeard(this.replica, this.nowMs);
  }
}

/** A viewer that reads when it is woken, if it is quick. */
class Viewer {
  readonly writesMs: number[] = [];
  bytes = 0;
  isWoken = false;
  readonly #isolate: Isolate;
  #cursor: FlowCursor = FLOW_START;
  #withdraw: () => void = () => {};

  constructor(isolate: Isolate) {
    this.#isolate = isolate;
    this.goOn();
    this.bytes = 0;
    this.writesMs.length = 0;
  }

  goOn(): void {
    this.#withdraw();
    this.isWoken = false;
    const { audience, replica, nowMs } = this.#isolate;
    for (;;) {
      const { cursor, bytes } = audience.read(REQUEST, this.#cursor, replica);
      this.#cursor = cursor;
      if (bytes === null) break;
      this.bytes += bytes.byteLength;
      this.writesMs.push(nowMs);
    }
    const wake = (): void => {
      this.isWoken = true;
    };
    this.#withdraw = audience.park(REQUEST, this.#cursor, wake, wake);
  }
}

test("however media comes and however large the audience: it is written once and whole, at least the unit apart, and within the longest unit of the next message", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FLOW_LIMITS.units),
      fc.array(fc.nat({ max: 120 }), { minLength: 1, maxLength: 60 }),
      ({ viewers, ms }, pauses) => {
        const isolate = new Isolate(viewers);
        const viewer = new Viewer(isolate);
        const goOn = (): void => {
          if (viewer.isWoken) viewer.goOn();
        };
        let parts = 0;
        for (const pauseMs of pauses) {
          isolate.advance(pauseMs, goOn);
          isolate.appendPart();
          parts += 1;
          goOn();
          const lastMs = viewer.writesMs.at(-1) ?? Number.NEGATIVE_INFINITY;
          if (isolate.nowMs - lastMs >= FLOW_LIMITS.longestUnitMs)
            expect(viewer.bytes).toBeGreaterThanOrEqual(10 * parts);
        }
        for (const [i, atMs] of viewer.writesMs.entries())
          expect(atMs - (viewer.writesMs[i - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(ms);
        isolate.advance(2 * BEAT_MS, goOn);
        expect(viewer.bytes).toBe(10 * parts);
      },
    ),
  );
});

test("while viewers of a write have not gone on, the next one waits for them, at most for the longest unit; then no more are added", () => {
  const isolate = new Isolate(0);
  const viewers = Array.from({ length: 120 }, () => new Viewer(isolate));
  const [quick] = viewers;
  isolate.appendPart();
  expect(viewers.every(({ isWoken }) => isWoken)).toBe(true);
  for (const viewer of viewers.slice(0, 60)) viewer.goOn();
  for (let ms = 0; ms < FLOW_LIMITS.longestUnitMs - 10; ms += 10) {
    isolate.advance(10);
    isolate.appendPart();
    expect(quick?.isWoken).toBe(false);
  }
  expect(isolate.audience.enter(null, isolate.nowMs, () => {})).toBeTypeOf("object");
  isolate.advance(10);
  isolate.appendPart();
  expect(quick?.isWoken).toBe(true);
  expect(isolate.audience.enter(null, isolate.nowMs, () => {})).toBe("behind");
  for (const viewer of viewers) viewer.goOn();
  isolate.advance(10);
  isolate.appendPart();
  expect(quick?.isWoken).toBe(true);
  isolate.advance(FLOW_LIMITS.behindMs);
  expect(isolate.audience.enter(null, isolate.nowMs, () => {})).toBeTypeOf("object");
});

test("the end of the broadcast waits for nobody", () => {
  const isolate = new Isolate(FLOW_LIMITS.units[2].viewers);
  const viewer = new Viewer(isolate);
  isolate.appendPart();
  viewer.goOn();
  isolate.advance(1);
  isolate.appendPart();
  expect(viewer.isWoken).toBe(false);
  isolate.replica.appendEntry({ kind: "end" }, null);
  isolate.audience.feedHeard(isolate.replica, isolate.nowMs);
  expect(viewer.isWoken).toBe(true);
});
