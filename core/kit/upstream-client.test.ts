import { expect, test } from "vitest";
import { CIRCUIT_LIMITS } from "./circuit-breaker.ts";
import { UPSTREAM_CALL_LIMITS, UpstreamClient, UpstreamError } from "./upstream-client.ts";
import { VirtualClock } from "./virtual-clock.ts";

function makeClient(): { clock: VirtualClock; client: UpstreamClient; attempts: () => number; onAttempt: () => void } {
  const clock = new VirtualClock();
  let attempts = 0;
  return {
    clock,
    client: new UpstreamClient({ clock, random: () => 0.5, newId: () => "id" }, "the node above"),
    attempts: () => attempts,
    onAttempt: () => {
      attempts += 1;
    },
  };
}

const fail = (): Promise<never> => Promise.reject(new Error("reset"));

test("a failed call is retried once, after a jittered delay", async () => {
  const { clock, client, attempts, onAttempt } = makeClient();
  const outcomes = [fail, async () => "bytes"];
  const call = client.call(() => outcomes[attempts() - 1]?.() ?? fail(), onAttempt);
  await clock.advance(UPSTREAM_CALL_LIMITS.retryMs / 2 - 1);
  expect(attempts()).toBe(1);
  await clock.advance(1);
  expect(await call).toBe("bytes");
  expect(attempts()).toBe(2);
});

test("a call without an answer fails after its timeout, and names the upstream", async () => {
  const { clock, client, onAttempt } = makeClient();
  const call = client.call(() => new Promise(() => {}), onAttempt);
  const failure = expect(call).rejects.toThrow(new UpstreamError("the node above didn't answer"));
  await clock.advance(2 * UPSTREAM_CALL_LIMITS.timeoutMs + UPSTREAM_CALL_LIMITS.retryMs);
  await failure;
  expect(clock.pendingTimers).toBe(0);
});

test("an open circuit refuses without a call, and a probe closes it", async () => {
  const { clock, client, attempts, onAttempt } = makeClient();
  while (attempts() < CIRCUIT_LIMITS.failuresToOpen) {
    const failure = expect(client.call(fail, onAttempt)).rejects.toThrow("didn't answer");
    await clock.advance(UPSTREAM_CALL_LIMITS.retryMs);
    await failure;
  }
  const opened = attempts();
  await expect(client.call(async () => "up", onAttempt)).rejects.toThrow("is down");
  expect(attempts()).toBe(opened);
  await clock.advance(CIRCUIT_LIMITS.minOpenMs);
  expect(await client.call(async () => "up", onAttempt)).toBe("up");
  expect(await client.call(async () => "up", onAttempt)).toBe("up");
});
