import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import type { CommandEnvelope } from "../../../core/room/sequencer/decision.ts";
import { CommandBatcher } from "../command-batcher.ts";
import { crashRoomObject, roomStub, shardStub, TestParticipant, waitForCondition } from "../testing.ts";
import { CommandIntake } from "./command-intake.ts";
import { ReviewQueue } from "./review-queue.ts";

const by = { subject: "ann", name: "ann", roles: [], followerSinceMs: null, device: "d", address: "", expiresMs: null };
const chat = (id: string, text = id): CommandEnvelope => ({ by, id, act: { kind: "chat", text }, programmeMs: null });

/** An intake whose room takes everything, once `open` was called. */
function shard(): { intake: CommandIntake; sent: CommandEnvelope[]; open: () => void } {
  const sent: CommandEnvelope[] = [];
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const outbox = new CommandBatcher(async ({ acts }) => {
    await opened;
    sent.push(...acts);
    return {
      outcomes: acts.map(({ onlyIfKnown }) => (onlyIfKnown ? { ok: false, error: "rate-limited" } : { ok: true })),
    };
  });
  return {
    intake: new CommandIntake(outbox, new ReviewQueue("show", null), () => Promise.reject(new Error("nobody reviews"))),
    sent,
    open,
  };
}

test("an act that comes again while it is on its way, or after it was done, is passed on once and costs once", async () => {
  const { intake, sent, open } = shard();
  const outcomes: CommandOutcome[] = [];
  const say = (id: string): void => intake.submit(chat(id), [], (outcome) => outcomes.push(outcome), 0);
  for (let time = 0; time < 4; time += 1) for (const id of ["a", "b"]) say(id);
  open();
  await waitForCondition(() => outcomes.length === 8);
  for (let time = 0; time < 4; time += 1) say("a");
  for (const id of ["c", "d", "e"]) say(id);
  await waitForCondition(() => outcomes.length === 15);
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(sent.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e"]);
});

test("an id is for one act: another that comes with it, on its way or done, is refused and not passed on", async () => {
  const { intake, sent, open } = shard();
  const outcomes: CommandOutcome[] = [];
  const say = (text: string): void => intake.submit(chat("1", text), [], (outcome) => outcomes.push(outcome), 0);
  const used = { ok: false, error: "id-used" };
  say("first");
  say("second");
  expect(outcomes).toEqual([used]);
  open();
  await waitForCondition(() => outcomes.length === 2);
  say("second");
  say("first");
  expect(outcomes.slice(1)).toEqual([{ ok: true }, used, { ok: true }]);
  expect(sent.length).toBe(1);
});

test("beyond the rate the room is asked whether it knows an act, so often and no oftener", async () => {
  const { intake, sent, open } = shard();
  open();
  const outcomes: CommandOutcome[] = [];
  for (let index = 0; index < 100; index += 1) {
    intake.submit(chat(`${index}`), [], (outcome) => outcomes.push(outcome), 0);
  }
  await waitForCondition(() => outcomes.length === 100);
  expect(outcomes.filter(({ ok }) => ok).length).toBe(5);
  expect(sent.length).toBe(55);
});

test("what was stored before the shard lost its memory is acknowledged when it comes again, whatever the rate", async () => {
  const room = "again";
  const ann = await TestParticipant.joinShard(room, 0, "ann");
  for (const text of ["1", "2", "3", "4", "5"]) expect((await ann.say(text)).ok).toBe(true);
  await crashRoomObject(shardStub(room));
  await waitForCondition(() => ann.ready && ann.closes.length > 0);
  // Five new ones empty the bucket of the new shard.
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
