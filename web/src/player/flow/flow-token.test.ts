import { expect, test } from "vitest";
import { FlowTokenRenewal } from "./flow-token.ts";

/** A renewal of a token that expires, and of its successors. */
function makeRenewal(): {
  renewal: FlowTokenRenewal;
  state: { token: string | null; expiresInMs: number | null; answers: number };
} {
  const state = { token: "first" as string | null, expiresInMs: 600_000 as number | null, answers: 0 };
  const renewal = new FlowTokenRenewal({
    token: () => state.token,
    expiresInMs: () => state.expiresInMs,
    renew: async () => {
      state.answers += 1;
      return false;
    },
  });
  return { renewal, state };
}

test("a token is renewed shortly before it expires, by one attempt a token", async () => {
  const { renewal, state } = makeRenewal();
  expect(renewal.isDue).toBe(false);
  state.expiresInMs = 10_000;
  expect(renewal.isDue).toBe(true);
  const attempt = renewal.renew();
  expect([renewal.isDue, renewal.isPending]).toEqual([false, true]);
  expect(await attempt).toBe(false);
  expect([renewal.isDue, renewal.isPending]).toEqual([false, false]);
  state.token = "second";
  expect(renewal.isDue).toBe(true);
});

test("a refusal during an attempt waits for the same answer", async () => {
  const { renewal, state } = makeRenewal();
  await Promise.all([renewal.renew(), renewal.renew()]);
  expect(state.answers).toBe(1);
});

test("without a token, or without an expiry, nothing is due", () => {
  const { renewal, state } = makeRenewal();
  state.expiresInMs = null;
  expect(renewal.isDue).toBe(false);
  state.token = null;
  state.expiresInMs = 0;
  expect(renewal.isDue).toBe(false);
});
