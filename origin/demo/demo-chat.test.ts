import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { OPEN_CHAT_MODES } from "../../core/room/chat-modes.ts";
import type { RoomSocket } from "../../core/room/client/client.ts";
import { EMPTY_ROOM_COUNTS } from "../../core/room/events.ts";
import type { ServerFrame } from "../../core/room/room-protocol.ts";
import { startDemoChat } from "./demo-chat.ts";

const MINUTE_MS = 60_000;

/** A room in which `watching` people watch, and the messages that it got. */
async function openRoom(watching: number) {
  const clock = new VirtualClock(0);
  const messages: string[] = [];
  const open = new Set<RoomSocket>();
  const subjects: string[] = [];
  const stop = startDemoChat({
    getToken: ({ subject }) => Promise.resolve(subject),
    openSocket: (token) => {
      subjects.push(token);
      const socket: RoomSocket = {
        onopen: null,
        onmessage: null,
        onclose: null,
        send: (text) => {
          if (!text.startsWith("{")) return;
          const frame = JSON.parse(text) as { type: string; id?: string; act?: { text: string } };
          if (frame.type === "act") messages.push(`${token}: ${frame.act?.text ?? ""}`);
          const answer: ServerFrame = { type: "ack", id: frame.id ?? "", outcome: { ok: true } };
          if (frame.type === "act") socket.onmessage?.({ data: JSON.stringify(answer) });
        },
        close: () => open.delete(socket),
      };
      open.add(socket);
      return socket;
    },
    platform: { clock, random: () => 0.5, newId: () => "id" },
  });
  await clock.advance(0);
  for (const socket of open) {
    socket.onopen?.();
    const welcome = { type: "welcome", version: 1, recovered: false, nowMs: 0, you: null, expiresMs: null };
    const rest = { modes: OPEN_CHAT_MODES, pinned: null, epoch: "e", from: 0, to: 0, events: [], unseen: 0 };
    socket.onmessage?.({ data: JSON.stringify({ ...welcome, ...rest, counts: { ...EMPTY_ROOM_COUNTS, watching } }) });
  }
  return { clock, messages, open, subjects, stop };
}

test("the people follow their script while somebody watches, and leave when the demo ends", async () => {
  const { clock, messages, open, subjects, stop } = await openRoom(1);
  expect(subjects).toEqual(["demo-host", "demo-mira", "demo-jun", "demo-ayo"]);
  await clock.advance(MINUTE_MS);
  expect(messages.length).toBeGreaterThan(4);
  expect(messages.length).toBeLessThan(12);
  expect(messages[0]).toMatch(/^demo-host: Welcome!/);
  stop();
  expect(open.size).toBe(0);
  const before = messages.length;
  await clock.advance(MINUTE_MS);
  expect(messages.length).toBe(before);
});

test("nobody writes to an empty room", async () => {
  const { clock, messages, stop } = await openRoom(0);
  await clock.advance(10 * MINUTE_MS);
  expect(messages).toEqual([]);
  stop();
});
