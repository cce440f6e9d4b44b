import { expect, test } from "vitest";
import { VirtualClock } from "../../kit/virtual-clock.ts";
import { TokenRenewal } from "./token-renewal.ts";

/** Renewals with clock and randomness of the test. */
class Bench {
  readonly clock = new VirtualClock(0);
  readonly sent: string[] = [];
  readonly renewal: TokenRenewal;
  /** The next call of `getToken`. */
  getToken: () => Promise<string | null> = () => Promise.resolve(`token at ${this.clock.nowMs()}`);

  constructor() {
    this.renewal = new TokenRenewal({
      getToken: () => this.getToken(),
      clock: this.clock,
      random: () => 0.5,
      send: (token) => this.sent.push(token),
    });
  }

  start(expiresMs: number | null): void {
    this.renewal.start(expiresMs, () => this.clock.nowMs());
  }

  /** Advances to the next timer. */
  async fireNext(): Promise<void> {
    const dueMs = this.clock.nextDueMs;
    if (dueMs === null) throw new Error("no timer");
    await this.clock.advance(dueMs - this.clock.monotonicMs());
  }
}

test("a token is renewed in the last third of its lifetime, and so is its successor", async () => {
  const bench = new Bench();
  bench.start(100_000);
  await bench.fireNext();
  expect(bench.clock.nowMs()).toBeGreaterThan(66_000);
  expect(bench.clock.nowMs()).toBeLessThan(91_000);
  expect(bench.sent).toEqual([`token at ${bench.clock.nowMs()}`]);
  const renewedMs = bench.clock.nowMs();
  bench.renewal.handleOutcome({ ok: true, expiresMs: renewedMs + 100_000 });
  await bench.fireNext();
  expect(bench.clock.nowMs() - renewedMs).toBeGreaterThan(66_000);
  expect(bench.sent.length).toBe(2);
});

test("failed renewals are retried until just before expiry, and a token that arrives after stop is not sent", async () => {
  const bench = new Bench();
  bench.start(100_000);
  bench.getToken = () => Promise.reject(new Error("the issuer is away"));
  let attempts = 0;
  for (; bench.clock.pendingTimers > 0; attempts += 1) await bench.fireNext();
  expect(attempts).toBeGreaterThan(2);
  expect(attempts).toBeLessThan(10);
  expect(bench.clock.nowMs()).toBeLessThan(100_000);
  expect(bench.sent).toEqual([]);
  const late = Promise.withResolvers<string>();
  bench.getToken = () => late.promise;
  bench.start(200_000);
  await bench.fireNext();
  bench.renewal.stop();
  late.resolve("too late");
  await late.promise;
  expect(bench.sent).toEqual([]);
  expect(bench.clock.pendingTimers).toBe(0);
});

test("a connection without a token has no renewal", () => {
  const bench = new Bench();
  bench.start(null);
  expect(bench.clock.pendingTimers).toBe(0);
});
