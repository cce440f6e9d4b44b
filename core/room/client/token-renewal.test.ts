import { expect, test } from "vitest";
import { TokenRenewal } from "./token-renewal.ts";

/** Renewals whose clock and chance are the test's. */
class Bench {
  nowMs = 0;
  timer: { readonly atMs: number; readonly work: () => void } | null = null;
  readonly sent: string[] = [];
  readonly renewal: TokenRenewal;
  /** What the next call for a token comes to. */
  next: () => Promise<string | null> = () => Promise.resolve(`token at ${this.nowMs}`);

  constructor() {
    this.renewal = new TokenRenewal({
      getToken: () => this.next(),
      schedule: (ms, work) => {
        const timer = { atMs: this.nowMs + ms, work };
        this.timer = timer;
        return () => {
          if (this.timer === timer) this.timer = null;
        };
      },
      random: () => 0.5,
      send: (token) => this.sent.push(token),
    });
  }

  holds(expiresMs: number | null): void {
    this.renewal.start(expiresMs, () => this.nowMs);
  }

  /** Runs the timer that is set, and what comes of it. */
  async ring(): Promise<void> {
    const { timer } = this;
    if (timer === null) throw new Error("no timer");
    this.timer = null;
    this.nowMs = timer.atMs;
    timer.work();
    await Promise.resolve();
    await Promise.resolve();
  }
}

test("a token is renewed in the last third of its life, and the new one in turn", async () => {
  const bench = new Bench();
  bench.holds(100_000);
  await bench.ring();
  expect(bench.nowMs).toBeGreaterThan(66_000);
  expect(bench.nowMs).toBeLessThan(91_000);
  expect(bench.sent).toEqual([`token at ${bench.nowMs}`]);
  const renewedMs = bench.nowMs;
  bench.renewal.handleOutcome({ ok: true, expiresMs: renewedMs + 100_000 });
  await bench.ring();
  expect(bench.nowMs - renewedMs).toBeGreaterThan(66_000);
  expect(bench.sent.length).toBe(2);
});

test("what fails is tried again until too little is left, and nothing is sent after a stop", async () => {
  const bench = new Bench();
  bench.holds(100_000);
  bench.next = () => Promise.reject(new Error("the issuer is away"));
  let tries = 0;
  for (; bench.timer !== null; tries += 1) await bench.ring();
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(10);
  expect(bench.nowMs).toBeLessThan(100_000);
  expect(bench.sent).toEqual([]);
  const late = Promise.withResolvers<string>();
  bench.next = () => late.promise;
  bench.holds(200_000);
  await bench.ring();
  bench.renewal.stop();
  late.resolve("too late");
  await late.promise;
  expect(bench.sent).toEqual([]);
  expect(bench.timer).toBeNull();
});

test("where there is no token, nothing is renewed", () => {
  const bench = new Bench();
  bench.holds(null);
  expect(bench.timer).toBeNull();
});
