/** The page around an embedded player: who it is, and the messages to and from it. */
import { type EmbedOrigins, isOriginAllowed, readEmbedOrigins } from "../../../core/directory/embed-origins.ts";
import {
  type EmbedCommand,
  type EmbedEvent,
  readEmbedCommand,
  writeEmbedMessage,
} from "../../../core/embed/embed-protocol.ts";
import { findParentOrigin } from "../player/parent-origin.ts";

/** The origins that may embed this page, as the edge wrote them into it. */
export const readAllowedOrigins = (): EmbedOrigins =>
  readEmbedOrigins(document.querySelector<HTMLMetaElement>("meta[name=corral-embed]")?.content ?? "");

/** The parent of this page. */
export class ParentPage {
  readonly #allowed: EmbedOrigins;
  /** The parent's origin, which events are sent to; null until it is known. */
  #origin: string | null;

  /** `onCommand` gets the commands of an allowed parent; `onKnown` is called when a parent is known by its first command. */
  constructor(onCommand: (command: EmbedCommand) => void, onKnown: () => void) {
    this.#allowed = readAllowedOrigins();
    const origin = findParentOrigin();
    this.#origin = origin !== null && this.#isAllowed(origin) ? origin : null;
    if (parent === window) return;
    addEventListener("message", ({ data, origin: from, source }: MessageEvent<unknown>) => {
      if (source !== parent || !this.#isAllowed(from)) return;
      const command = readEmbedCommand(data);
      if (command === null) return;
      const isNew = this.#origin !== from;
      this.#origin = from;
      if (isNew) onKnown();
      onCommand(command);
    });
  }

  /** Sends an event, if there is a parent that may have it. */
  send(event: EmbedEvent): void {
    if (this.#origin !== null && parent !== window) parent.postMessage(writeEmbedMessage(event), this.#origin);
  }

  #isAllowed(origin: string): boolean {
    return isOriginAllowed(this.#allowed, origin, location.origin);
  }
}
