import { expect, test } from "vitest";
import { guestSubject } from "../../access/guest.ts";
import type { Participant } from "../participants.ts";
import { GUEST_COMMAND_RATE } from "../room-rates.ts";
import { createSocketBudget, SHARD_BUDGET_LIMITS, ShardBudgets, type SocketBudget } from "./shard-budgets.ts";

const NOW = 1_000_000;
let sockets = 0;

function socket(subject: string | null, address: string): SocketBudget {
  sockets += 1;
  const viewer: Participant = {
    ...{ subject, address, name: "", roles: [], followerSinceMs: null, expiresMs: null },
    device: `device ${sockets}`,
  };
  return createSocketBudget(viewer, String(sockets));
}

/** Commands that pass, each of another socket. */
const passing = (budgets: ShardBudgets, count: number, open: (index: number) => SocketBudget, nowMs = NOW): number =>
  Array.from({ length: count }, (_, index) => open(index)).filter((each) => budgets.allowFrameType(each, "act", nowMs))
    .length;

test("a thousand guests of one address write no more than a household; accounts there, and guests elsewhere, write on", () => {
  const budgets = new ShardBudgets();
  const raid = (index: number): SocketBudget => socket(guestSubject(String(index)), "raid");
  expect(passing(budgets, 1_000, raid)).toBe(GUEST_COMMAND_RATE.burst);
  expect(passing(budgets, 1_000, raid, NOW + 10_000)).toBe(10 * GUEST_COMMAND_RATE.perSecond);
  expect(passing(budgets, 20, (index) => socket(`account ${index}`, "raid"))).toBe(20);
  expect(passing(budgets, 20, (index) => socket(guestSubject(String(index)), "home"))).toBe(20);
});

test("a guest gets as few bytes for those that it sent as a viewer without a name", () => {
  const budgets = new ShardBudgets();
  const allowance = (subject: string | null): number => budgets.answerAllowanceBytes(socket(subject, ""), NOW);
  const { answerBytesPerByteReceived, socketOpenBytes } = SHARD_BUDGET_LIMITS;
  expect(allowance(guestSubject("d"))).toBe(answerBytesPerByteReceived * socketOpenBytes);
  expect(allowance(null)).toBe(allowance(guestSubject("d")));
  expect(allowance("ann")).toBeGreaterThan(allowance(null));
});
