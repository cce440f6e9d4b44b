import { afterEach, expect, test } from "vitest";
import { SRT_REJECT } from "../../core/ingest/srt/reject-reasons.ts";
import { SRT_LISTENER_LIMITS } from "./srt-listener-limits.ts";
import {
  ACCEPTED,
  acceptSender,
  closeTestSockets,
  openCaller,
  openTestListener,
  refusalType,
} from "./testing/test-listener.ts";

afterEach(closeTestSockets);

test("a look-up without an answer is given up, and look-ups of one key wait for each other", async () => {
  const asked: string[] = [];
  let first = (): void => {};
  const firstAsked = new Promise<void>((resolve) => {
    first = resolve;
  });
  const { clock, listener } = await openTestListener({
    resolvePassphrase: (_stream, keyId) => {
      asked.push(keyId);
      first();
      return asked.length === 1 ? new Promise(() => {}) : Promise.resolve("a passphrase");
    },
    onSender: (sender) => acceptSender(sender),
  });
  const [one, two] = [await openCaller(listener.port), await openCaller(listener.port)];
  const [slow, waiting] = [one.call(), firstAsked.then(() => two.call())];
  // The other caller's conclusion is there once a third one is answered.
  await firstAsked;
  const other = await openCaller(listener.port, { streamId: "demo/k900000000" });
  expect(await other.call()).toBe(ACCEPTED);
  expect(asked).toEqual(["k100000000", "k900000000"]);
  await clock.advance(SRT_LISTENER_LIMITS.lookupMs);
  expect(await slow).toBe(refusalType(SRT_REJECT.overload));
  expect(await waiting).toBe(ACCEPTED);
});

test("no more than a few callers wait for a look-up of one key", async () => {
  const { listener } = await openTestListener({ resolvePassphrase: () => new Promise(() => {}) });
  const answers: Promise<number>[] = [];
  for (let number = 0; number <= SRT_LISTENER_LIMITS.lookupsPerKey + 1; number += 1) {
    const caller = await openCaller(listener.port);
    const induction = await caller.induce();
    caller.sendConclusion(induction);
    answers.push(caller.readAnswer());
  }
  expect(await Promise.race(answers)).toBe(refusalType(SRT_REJECT.overload));
});

test("a network that tries many keys is refused without look-ups, and may try again later", async () => {
  const { clock, listener, lookups } = await openTestListener();
  const { burst } = SRT_LISTENER_LIMITS.lookupRate;
  for (let attempt = 0; attempt < burst + 10; attempt += 1) {
    const caller = await openCaller(listener.port, { streamId: `demo/x${String(attempt).padStart(9, "0")}` });
    expect(await caller.call()).toBe(refusalType(attempt < burst ? SRT_REJECT.forbidden : SRT_REJECT.overload));
  }
  expect(lookups).toHaveLength(burst);
  await clock.advance(2_000);
  const caller = await openCaller(listener.port, { streamId: "demo/x999999999" });
  expect(await caller.call()).toBe(refusalType(SRT_REJECT.forbidden));
});

test("a network has a limited number of connections, and one that ends makes room", async () => {
  const { clock, listener, senders } = await openTestListener({
    onSender(sender) {
      senders.push(sender);
      acceptSender(sender);
    },
  });
  const { connectionsPerNetwork } = SRT_LISTENER_LIMITS;
  for (let number = 0; number < connectionsPerNetwork; number += 1) {
    expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
  }
  expect(await (await openCaller(listener.port)).call()).toBe(refusalType(SRT_REJECT.overload));
  await clock.advance(60_000);
  senders[0]?.close("room for another");
  expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
});

test("a flood of inductions costs no state: neither look-ups nor timers", async () => {
  const { clock, listener, lookups } = await openTestListener();
  const caller = await openCaller(listener.port);
  for (let number = 0; number < 200; number += 1) {
    const answer = await caller.induce();
    expect(answer.byteLength).toBeLessThanOrEqual(caller.sender.makeInduction().byteLength);
  }
  // A conclusion with a wrong cookie is not answered: the next answer is that of the induction after it.
  caller.send(caller.sender.makeConclusion(Buffer.alloc(64)));
  expect(caller.sender.readHandshake(await caller.induce())?.type).toBe(1);
  expect(lookups).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});
