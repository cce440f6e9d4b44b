/** The last messages of a room with their texts, whether they were shown or left out: what the room's rules look at. */
import { afterwards, type ChatEvent, type RoomEvent } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";

/** The messages among the last events, by offset. */
export class Recent {
  readonly #messages = new Map<number, ChatEvent>();

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

  /** Whether one of the messages has this text. */
  wasWritten(text: string): boolean {
    for (const message of this.#messages.values()) if (message.gone !== true && message.text === text) return true;
    return false;
  }

  #change(later: RoomEvent): void {
    for (const [offset, message] of this.#messages) {
      const after = afterwards(message, later);
      if (after !== message && after.kind === "chat") this.#messages.set(offset, after);
    }
  }
}
