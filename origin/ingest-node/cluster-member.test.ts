import { expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { parseLadderFlags } from "../packager/ladder.ts";
import { PRESETS } from "../packager/presets.ts";
import { Transcoder } from "../packager/transcoder.ts";
import { waitForEnd } from "./cluster-member.ts";
import { type CoreTimes, FreeCapacity } from "./free-capacity.ts";
import { answerStatus, startStatusServer } from "./status-server.ts";

const createTranscoder = (limit: number): Transcoder => {
  const { clock } = systemPlatform;
  return new Transcoder({ mode: "auto", limit, ladder: parseLadderFlags("180p:300k"), preset: PRESETS.ultra, clock });
};

test("free places are those of the transcoder, and no more than idle cores can encode", () => {
  const transcoder = createTranscoder(4);
  let times: CoreTimes = { idleMs: 0, totalMs: 0 };
  const capacity = new FreeCapacity(transcoder, 8, () => times);
  const pass = (idleShare: number): void => {
    times = { idleMs: times.idleMs + idleShare * 40_000, totalMs: times.totalMs + 40_000 };
  };
  pass(1);
  expect(capacity.places).toBe(4);
  pass(0.4);
  expect(capacity.places).toBe(2);
  transcoder.places.acquire();
  transcoder.places.acquire();
  pass(1);
  expect(capacity.places).toBe(2);
  pass(0.1);
  expect(capacity.places).toBe(0);
});

test("places that can be spared are free for a broadcast that is encoded anew", () => {
  const transcoder = createTranscoder(2);
  let times: CoreTimes = { idleMs: 0, totalMs: 0 };
  const capacity = new FreeCapacity(transcoder, 2, () => times);
  transcoder.places.acquireSpare(() => {});
  transcoder.places.acquire();
  times = { idleMs: 0, totalMs: 9_000 };
  expect(capacity.places).toBe(1);
  transcoder.places.acquire();
  expect(capacity.places).toBe(0);
});

test("a busy machine that encodes nothing has one place", () => {
  let times: CoreTimes = { idleMs: 0, totalMs: 0 };
  const capacity = new FreeCapacity(createTranscoder(1), 2, () => times);
  times = { idleMs: 0, totalMs: 9_000 };
  expect(capacity.places).toBe(1);
});

test("a drained node waits for its broadcasts, for the given time at most, and a stop ends it at once", async () => {
  const run = async (
    drainMs: number,
    isDone: () => boolean,
  ): Promise<{ clock: VirtualClock; stop: () => void; hasEnded: () => boolean }> => {
    const clock = new VirtualClock();
    const [stop, drain] = [new AbortController(), new AbortController()];
    let ended = false;
    const signals = { stop: stop.signal, drain: drain.signal };
    void waitForEnd(signals, drainMs, { ...systemPlatform, clock }, () => isDone).then(() => {
      ended = true;
    });
    drain.abort();
    await clock.advance(1_000);
    return { clock, stop: () => stop.abort(), hasEnded: () => ended };
  };
  expect((await run(60_000, () => true)).hasEnded()).toBe(true);
  const long = await run(60_000, () => false);
  expect(long.hasEnded()).toBe(false);
  await long.clock.advance(60_000);
  expect(long.hasEnded()).toBe(true);
  const stopped = await run(60_000, () => false);
  stopped.stop();
  await stopped.clock.advance(0);
  expect(stopped.hasEnded()).toBe(true);
});

test("the status port tells readiness and load", async () => {
  const load = { broadcasts: 3, transcodes: 1, freePlaces: 3, isDraining: false };
  const server = await startStatusServer("127.0.0.1", 0, () => load);
  const answer = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  expect(await answer.text()).toContain("# TYPE corral_node_used_ratio gauge\ncorral_node_used_ratio 0.25\n");
  await server.close();
  expect(answerStatus("GET", "/ready", load).status).toBe(200);
  expect(answerStatus("GET", "/ready", { ...load, isDraining: true }).status).toBe(503);
  expect([answerStatus("POST", "/ready", load).status, answerStatus("GET", "/", load).status]).toEqual([405, 404]);
});
