/** Which windows of the replay are needed, as a recording plays or is sought through; pure. */
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";

const { replayWindowMs } = CLIENT_ROOM_LIMITS;

/** Bounds of the replay. */
const CHAT_REPLAY_LIMITS = {
  /** Windows before the playhead's own that fill the list after a jump, and those that are fetched ahead. */
  behind: 2,
  ahead: 1,
  /** A playhead that moved by more than this within a look at it (ms) jumped: the chat is told anew. */
  jumpMs: 5_000,
} as const;

/** The windows (by their beginning, programme ms) that are missing at a playhead, the oldest first. */
export function missingReplayWindows(playheadMs: number, known: ReadonlySet<number>): number[] {
  const own = Math.floor(playheadMs / replayWindowMs);
  const wanted: number[] = [];
  for (let index = own - CHAT_REPLAY_LIMITS.behind; index <= own + CHAT_REPLAY_LIMITS.ahead; index += 1) {
    const fromMs = index * replayWindowMs;
    if (fromMs >= 0 && !known.has(fromMs)) wanted.push(fromMs);
  }
  return wanted;
}

/** Whether the playhead went elsewhere instead of on; rates of playback are small against this. */
export function isPlayheadJump(beforeMs: number | null, nowMs: number): boolean {
  return beforeMs === null || Math.abs(nowMs - beforeMs) > CHAT_REPLAY_LIMITS.jumpMs;
}
