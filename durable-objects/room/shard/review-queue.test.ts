import { expect, test } from "vitest";
import type { ReviewPolicy } from "../../../core/moderation/review.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import type { CommandEnvelope } from "../../../core/room/sequencer/decision.ts";
import { ReviewQueue } from "./review-queue.ts";

const policy: ReviewPolicy<AbortSignal> = {
  reviewer: () => Promise.resolve({ decision: "allow" }),
  startDeadline: () => ({ signal: new AbortController().signal, passed: new Promise(() => {}), cancel: () => {} }),
  deadlineMs: 1,
  fallback: "allow",
};

const chat = (index: number): CommandEnvelope => ({
  by: {
    subject: `s${index % 50}`,
    name: "n",
    roles: [],
    followerSinceMs: null,
    device: "d",
    address: "",
    expiresMs: null,
  },
  id: `${index}`,
  act: { kind: "chat", text: "hello" },
  programmeMs: null,
});

test("behind a room that doesn't answer only so many messages wait; then each goes on, and there is room again", async () => {
  const reviews = new ReviewQueue("show", policy);
  const { promise, resolve } = Promise.withResolvers<{ state: RoomState }>();
  const passed: string[] = [];
  const take = (index: number): boolean =>
    reviews.submit(
      chat(index),
      () => promise,
      ({ id }) => passed.push(id),
    );
  for (let index = 0; index < ROOM_LIMITS.pendingCommandsPerShard; index += 1) expect(take(index)).toBe(true);
  expect(take(ROOM_LIMITS.pendingCommandsPerShard)).toBe(false);
  expect(passed).toEqual([]);
  resolve({ state: new RoomState() });
  await expect.poll(() => passed.length).toBe(ROOM_LIMITS.pendingCommandsPerShard);
  expect(take(ROOM_LIMITS.pendingCommandsPerShard)).toBe(true);
});
