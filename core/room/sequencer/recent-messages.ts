/** The last messages of a room with their texts, shown or omitted, for the rules that compare messages. */
import { messageFingerprint } from "../../moderation/message-rules.ts";
import { removalOf } from "../effects/index.ts";
import { applyLaterEvent, type ChatEvent, type RoomEvent } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";

/** The messages among the last events, by offset. */
export class RecentMessages {
  readonly #messages = new Map<number, ChatEvent>();
  readonly #fingerprints = new WeakMap<ChatEvent, string>();

  /** Applies an event, also to earlier messages. */
  applyEvent(event: RoomEvent): void {
    if (event.kind === "chat") this.#messages.set(event.offset, event);
    else if (removalOf(event) !== null) this.#applyRemoval(event);
    for (const offset of this.#messages.keys()) {
      if (offset > event.offset - ROOM_LIMITS.recentMessageEvents) break;
      this.#messages.delete(offset);
    }
  }

  /** A message with its text, or undefined. */
  find(offset: number): ChatEvent | undefined {
    const message = this.#messages.get(offset);
    return message?.gone === true ? undefined : message;
  }

  /** Whether a message has the fingerprint of this text. */
  hasRepeat(text: string): boolean {
    const key = messageFingerprint(text);
    for (const message of this.#messages.values()) {
      if (message.gone !== true && this.#fingerprintOf(message) === key) return true;
    }
    return false;
  }

  /** Computed on first use: few rooms have the mode `unique`. */
  #fingerprintOf(message: ChatEvent): string {
    const known = this.#fingerprints.get(message);
    if (known !== undefined) return known;
    const key = messageFingerprint(message.text);
    this.#fingerprints.set(message, key);
    return key;
  }

  #applyRemoval(later: RoomEvent): void {
    for (const [offset, message] of this.#messages) {
      const after = applyLaterEvent(message, later);
      if (after !== message && after.kind === "chat") this.#messages.set(offset, after);
    }
  }
}
