/** The last messages of a room with their texts, whether they were shown or left out: what the room's rules look at. */
import { uniqueKey } from "../moderation/rules.ts";
import { afterwards, type ChatEvent, type RoomEvent } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";

/** The messages among the last events, by offset. */
export class Recent {
  readonly #messages = new Map<number, ChatEvent>();
  readonly #keys = new WeakMap<ChatEvent, string>();

  /** Takes in an event, and what it does to those before it. */
  take(event: RoomEvent): void {
    if (event.kind === "chat") this.#messages.set(event.offset, event);
    else if (event.kind === "delete" || event.kind === "clear" || event.kind === "erase") this.#change(event);
    for (const offset of this.#messages.keys()) {
      if (offset > event.offset - ROOM_LIMITS.recentEvents) break;
      this.#messages.delete(offset);
    }
  }

  /** A message that has its text, or undefined. */
  message(offset: number): ChatEvent | undefined {
    const message = this.#messages.get(offset);
    return message?.gone === true ? undefined : message;
  }

  /** Whether one of the messages says the same as this text, however it is written. */
  wasWritten(text: string): boolean {
    const key = uniqueKey(text);
    for (const message of this.#messages.values()) {
      if (message.gone !== true && this.#keyOf(message) === key) return true;
    }
    return false;
  }

  /** Made when it is first asked for: few rooms let nobody repeat what was said. */
  #keyOf(message: ChatEvent): string {
    const known = this.#keys.get(message);
    if (known !== undefined) return known;
    const key = uniqueKey(message.text);
    this.#keys.set(message, key);
    return key;
  }

  #change(later: RoomEvent): void {
    for (const [offset, message] of this.#messages) {
      const after = afterwards(message, later);
      if (after !== message && after.kind === "chat") this.#messages.set(offset, after);
    }
  }
}
