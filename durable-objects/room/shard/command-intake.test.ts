import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { CommandBatcher } from "../command-batcher.ts";
import { crashRoomObject, roomStub, shardStub, TestParticipant, waitForCondition } from "../testing.ts";
import { CommandIntake } from "./command-intake.ts";
import { ReviewQueue } from "./review-queue.ts";

/** Short enough that rate limits refill no token. */
const BATCH_INTERVAL_MS = 5;

const by = { subject: "ann", name: "ann", roles: [], followerSinceMs: null, device: "d", address: "", expiresMs: null };
const chat = (id: string, text = id): CommandEnvelope => ({ by, id, act: { kind: "chat", text }, programmeMs: null });

/** An intake whose room accepts every command, once `open` is called. */
function createIntake(): { intake: CommandIntake; sent: CommandEnvelope[]; open: () => void; clock: VirtualClock } {
  const clock = new VirtualClock();
  const sent: CommandEnvelope[] = [];
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const batcher = new CommandBatcher({
    submit: async ({ acts }) => {
      await opened;
      sent.push(...acts);
      return {
        outcomes: acts.map(({ onlyIfKnown }) => (onlyIfKnown ? { ok: false, error: "rate-limited" } : { ok: true })),
      };
    },
    batchIntervalMs: () => BATCH_INTERVAL_MS,
    clock,
  });
  const loadState = (): Promise<never> => Promise.reject(new Error("nothing is reviewed"));
  const platform = { ...systemPlatform, clock };
  const reviewQueue = new ReviewQueue({ stream: "show", policy: null, loadState, platform });
  return { intake: new CommandIntake(batcher, reviewQueue, clock), sent, open, clock };
}

test("a command resent before or after its outcome is forwarded once and takes one token", async () => {
  const { intake, sent, open, clock } = createIntake();
  const outcomes: CommandOutcome[] = [];
  const say = (id: string): void => intake.submit(chat(id), [], (outcome) => outcomes.push(outcome));
  for (let time = 0; time < 4; time += 1) for (const id of ["a", "b"]) say(id);
  open();
  await clock.advance(BATCH_INTERVAL_MS);
  expect(outcomes.length).toBe(8);
  for (let time = 0; time < 4; time += 1) say("a");
  for (const id of ["c", "d", "e"]) say(id);
  await clock.advance(BATCH_INTERVAL_MS);
  expect(outcomes.length).toBe(15);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(sent.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e"]);
});

test("a different command with a used id is refused and not forwarded", async () => {
  const { intake, sent, open, clock } = createIntake();
  const outcomes: CommandOutcome[] = [];
  const say = (text: string): void => intake.submit(chat("1", text), [], (outcome) => outcomes.push(outcome));
  const used = { ok: false, error: "id-used" };
  say("first");
  say("second");
  expect(outcomes).toEqual([used]);
  open();
  await clock.advance(BATCH_INTERVAL_MS);
  expect(outcomes.length).toBe(2);
  say("second");
  say("first");
  expect(outcomes.slice(1)).toEqual([{ ok: true }, used, { ok: true }]);
  expect(sent.length).toBe(1);
});

test("beyond the rate limit, commands are forwarded as resends up to the resend rate", async () => {
  const { intake, sent, open, clock } = createIntake();
  open();
  const outcomes: CommandOutcome[] = [];
  for (let index = 0; index < 100; index += 1) {
    intake.submit(chat(`${index}`), [], (outcome) => outcomes.push(outcome));
  }
  await clock.advance(BATCH_INTERVAL_MS);
  expect(outcomes.length).toBe(100);
  expect(outcomes.filter(({ ok }) => ok).length).toBe(5);
  expect(sent.length).toBe(55);
});

test("commands stored before a loss of memory are acknowledged when resent, also beyond the rate limit", async () => {
  const room = "again";
  const ann = await TestParticipant.joinShard(room, 0, "ann");
  for (const text of ["1", "2", "3", "4", "5"]) expect((await ann.say(text)).ok).toBe(true);
  await crashRoomObject(shardStub(room));
  await waitForCondition(() => ann.ready && ann.closes.length > 0);
  // Five new commands empty the bucket of the restarted shard.
  for (const text of ["6", "7", "8", "9", "10"]) expect((await ann.say(text)).ok).toBe(true);
  const stored = await runInDurableObject(roomStub(room), (_room, { storage }) =>
    storage.sql.exec<{ client_id: string }>("SELECT client_id FROM events ORDER BY offset LIMIT 5").toArray(),
  );
  const viewer = { ...by, device: "device-of-ann" };
  const again = (id: string, text: string): CommandEnvelope => ({ ...chat(id, text), by: viewer, onlyIfKnown: true });
  const ids = stored.map(({ client_id }) => client_id);
  const acts = [...ids.map((id, index) => again(id, `${index + 1}`)), again("new", "1"), again(ids[0] ?? "", "other")];
  const reply = await roomStub(room).submit({ acts, likes: 0, reactions: {} });
  const errors = reply.outcomes.map((outcome) => (outcome.ok ? null : outcome.error));
  expect(errors).toEqual([null, null, null, null, null, "rate-limited", "id-used"]);
  ann.client.stop();
});
