/** Sizes of the room's frames, encoded by the room's code. */
import { OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { ChatEvent, RoomCounts } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { ServerFrame } from "../../../core/room/room-protocol.ts";

/** Characters of frames; all are ASCII, so also bytes. */
export interface FrameSizes {
  /** One chat message within a frame. */
  readonly event: number;
  /** A tick without messages. */
  readonly tick: number;
  /** The acknowledgement of an own message. */
  readonly ack: number;
  /** The welcome of a busy room. */
  readonly welcome: number;
}

const SUBJECT = "a1b2c3d4e5f6";
const NOW_MS = 1_790_000_000_000;
const COUNTS: RoomCounts = {
  watching: 1_234_567,
  peak: 1_234_567,
  distinct: 2_345_678,
  likes: 12_345_678,
  reactions: {},
};

/** Sizes with messages of `textChars`. */
export function frameSizes(textChars: number): FrameSizes {
  const event: ChatEvent = {
    kind: "chat",
    by: { subject: SUBJECT, name: "somebody", roles: [] },
    text: "x".repeat(textChars),
    offset: 1_000_000,
    atMs: NOW_MS,
    programmeMs: NOW_MS,
  };
  const stretch = { epoch: "00000000-0000-4000-8000-000000000000", from: 1_000_000, to: 1_000_010, unseen: 10 };
  const size = (frame: ServerFrame): number => JSON.stringify(frame).length;
  return {
    event: JSON.stringify(event).length + 1,
    tick: size({ type: "tick", ...stretch, events: [], nowMs: NOW_MS, counts: COUNTS }),
    ack: size({ type: "ack", id: "0123456789abcdef-10", outcome: { ok: true, event } }),
    welcome: size({
      type: "welcome",
      version: 1,
      recovered: false,
      nowMs: NOW_MS,
      you: null,
      expiresMs: null,
      modes: OPEN_CHAT_MODES,
      pinned: null,
      counts: COUNTS,
      ...stretch,
      events: Array.from({ length: ROOM_LIMITS.joinEvents }, () => event),
    }),
  };
}
