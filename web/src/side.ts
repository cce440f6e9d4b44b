/** What stands beside the picture: the chat, loaded when the picture moves, or, where it is hidden, only the beacon. */
import { Beacon } from "./beacon.ts";
import type { ChatParts } from "./chat/chat.ts";
import type { MountedChat } from "./chat/mount.tsx";
import { remember, remembered, viewerToken } from "./session.ts";

const HIDDEN_AT = "corral.chat.hidden";
/** The chat's code failed to come: it is asked for again. */
const AGAIN_MS = 3_000;

/** The side of one page. */
export class Side {
  readonly #root: HTMLElement;
  readonly #parts: Omit<ChatParts, "changed">;
  readonly #toggled: () => void;
  readonly #beacon: Beacon;
  #begun = false;
  #paused = false;
  #loading = false;
  #chat: MountedChat | null = null;
  #shown: boolean;

  constructor(root: HTMLElement, parts: Omit<ChatParts, "changed">, toggled: () => void) {
    this.#root = root;
    this.#parts = parts;
    this.#toggled = toggled;
    this.#shown = remembered(HIDDEN_AT) !== "1";
    document.body.dataset["chat"] = this.#shown ? "shown" : "hidden";
    this.#beacon = new Beacon(parts.stream, () => viewerToken(parts.stream), parts.playing);
  }

  get shown(): boolean {
    return this.#shown;
  }

  /** The picture moves, or there is none to wait for: the chat may come. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#apply();
  }

  /** Leaves the room, and shows nothing of it. */
  pause(): void {
    this.#paused = true;
    this.#beacon.stop();
    this.#chat?.stop();
    this.#chat = null;
    document.body.dataset["chat"] = "hidden";
  }

  resume(): void {
    this.#paused = false;
    document.body.dataset["chat"] = this.#shown ? "shown" : "hidden";
    if (this.#begun) this.#apply();
  }

  toggle(): void {
    if (this.#paused) return;
    this.#shown = !this.#shown;
    document.body.dataset["chat"] = this.#shown ? "shown" : "hidden";
    remember(HIDDEN_AT, this.#shown ? "0" : "1");
    this.#begun = true;
    this.#apply();
    this.#toggled();
  }

  #apply(): void {
    if (this.#paused) return;
    if (!this.#shown) {
      this.#chat?.stop();
      this.#chat = null;
      this.#beacon.start();
      return;
    }
    this.#beacon.stop();
    if (this.#chat !== null || this.#loading) return;
    this.#loading = true;
    import("./chat/mount.tsx")
      .then(({ mountChat }) => {
        this.#loading = false;
        if (this.#shown && !this.#paused) this.#chat = mountChat(this.#root, this.#parts, () => this.toggle());
      })
      .catch(() => {
        this.#loading = false;
        setTimeout(() => this.#apply(), AGAIN_MS);
      });
  }
}
