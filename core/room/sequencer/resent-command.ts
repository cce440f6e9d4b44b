/** Commands that clients resend until they are acknowledged: each is stored once. */
import type { CommandEnvelope } from "../commands/index.ts";
import type { RoomEvent } from "../events.ts";
import type { CommandOutcome } from "../room-protocol.ts";
import { heldMessageKey, type RoomState } from "../room-state.ts";
import { matchesCommandDigest } from "./command-digest.ts";

/** The event that a command made, with the digest of the command where one is stored. */
export interface StoredCommand {
  readonly event: RoomEvent;
  readonly digest: string | undefined;
}

/**
 * The outcome that a command has without a decision; null: it is to be decided. `stored`: the event of the sender's command
 * with the same id, or null.
 */
export function outcomeOfResent(
  { by: { subject }, id, act, onlyIfKnown }: CommandEnvelope,
  stored: StoredCommand | null,
  { heldMessages }: RoomState,
): CommandOutcome | null {
  if (stored !== null) {
    return matchesCommandDigest(stored.digest, act)
      ? { ok: true, event: stored.event }
      : { ok: false, error: "id-used" };
  }
  const isHeld = subject !== null && heldMessages.has(heldMessageKey(subject, id));
  return onlyIfKnown === true && !isHeld ? { ok: false, error: "rate-limited" } : null;
}
