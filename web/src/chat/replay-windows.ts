/** The windows of the replay that a playhead needs; pure. */
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";

const { replayWindowMs } = CLIENT_ROOM_LIMITS;

/** Limits of the replay. */
const CHAT_REPLAY_LIMITS = {
  /** Windows before the playhead's own, which fill the list after a jump, and windows after it. */
  behind: 2,
  ahead: 1,
  /** A playhead that moves by more than this between two readings (ms) jumped. */
  jumpMs: 5_000,
} as const;

/** The missing windows at a playhead, by their start (program time, ms), the oldest first. */
export function missingReplayWindows(playheadMs: number, known: ReadonlySet<number>): number[] {
  const own = Math.floor(playheadMs / replayWindowMs);
  const wanted: number[] = [];
  for (let index = own - CHAT_REPLAY_LIMITS.behind; index <= own + CHAT_REPLAY_LIMITS.ahead; index += 1) {
    const fromMs = index * replayWindowMs;
    if (fromMs >= 0 && !known.has(fromMs)) wanted.push(fromMs);
  }
  return wanted;
}

/** Whether the playhead jumped; playback at any rate moves it less. */
export function isPlayheadJump(beforeMs: number | null, nowMs: number): boolean {
  return beforeMs === null || Math.abs(nowMs - beforeMs) > CHAT_REPLAY_LIMITS.jumpMs;
}
