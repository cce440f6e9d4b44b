import { expect, test } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { ReviewPolicy } from "../../../core/moderation/review.ts";
import type { CommandEnvelope } from "../../../core/room/commands/index.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { RoomState } from "../../../core/room/room-state.ts";
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

test("while the room does not answer, pending messages are bounded; afterwards each is forwarded, and new ones are accepted", async () => {
  const { promise, resolve } = Promise.withResolvers<RoomState>();
  const reviews = new ReviewQueue({ stream: "show", policy, loadState: () => promise, platform: systemPlatform });
  const forwarded: string[] = [];
  const submit = (index: number): boolean => reviews.submit(chat(index), ({ id }) => forwarded.push(id));
  for (let index = 0; index < ROOM_LIMITS.pendingCommandsPerShard; index += 1) expect(submit(index)).toBe(true);
  expect(submit(ROOM_LIMITS.pendingCommandsPerShard)).toBe(false);
  expect(forwarded).toEqual([]);
  resolve(new RoomState());
  await expect.poll(() => forwarded.length).toBe(ROOM_LIMITS.pendingCommandsPerShard);
  expect(submit(ROOM_LIMITS.pendingCommandsPerShard)).toBe(true);
});
