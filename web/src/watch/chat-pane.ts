/** The pane beside the video: the chat, loaded once playback moves, or only the beacon while it is hidden. */
import type { Clock } from "../../../core/kit/clock.ts";
import { ViewerBeacon } from "../chat/beacon.ts";
import type { ChatOptions } from "../chat/chat-controller.ts";
import type { ChatMount } from "../chat/mount-chat.tsx";
import { loadViewerToken } from "../kit/viewer-session.ts";
import { isChatWanted, markChat, storeChatWish } from "./page-layout.ts";

/** The chat's code is requested again this long after it failed to load. */
const RELOAD_MS = 3_000;

/** The chat pane of one page. */
export class ChatPane {
  readonly #root: HTMLElement | null;
  readonly #chatOptions: Omit<ChatOptions, "onChange">;
  readonly #onToggle: () => void;
  readonly #clock: Clock;
  readonly #beacon: ViewerBeacon;
  #hasStarted = false;
  #paused = false;
  #loading = false;
  #chat: ChatMount | null = null;
  #isShown: boolean;

  /** Without a `root` there is no chat, only the beacon. */
  constructor(root: HTMLElement | null, parts: Omit<ChatOptions, "onChange">, onToggle: () => void, clock: Clock) {
    this.#root = root;
    this.#chatOptions = parts;
    this.#onToggle = onToggle;
    this.#clock = clock;
    this.#isShown = root !== null && isChatWanted();
    markChat(this.#isShown);
    this.#beacon = new ViewerBeacon(parts.stream, () => loadViewerToken(parts.stream), parts.isPlaying, parts.platform);
  }

  get isShown(): boolean {
    return this.#isShown;
  }

  /** Loads the chat: playback moves, or there is none to wait for. */
  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#update();
  }

  /** Leaves the room and hides the pane. */
  pause(): void {
    this.#paused = true;
    this.#beacon.stop();
    this.#chat?.stop();
    this.#chat = null;
    markChat(false);
  }

  resume(): void {
    this.#paused = false;
    markChat(this.#isShown);
    if (this.#hasStarted) this.#update();
  }

  toggle(): void {
    if (this.#paused || this.#root === null) return;
    document.body.removeAttribute("data-whole-chat");
    this.#isShown = !this.#isShown;
    markChat(this.#isShown);
    storeChatWish(this.#isShown);
    this.#hasStarted = true;
    this.#update();
    this.#onToggle();
  }

  /** Sends a like through the chat, which bursts at a point of the window or at its usual place. */
  like(at: { readonly x: number; readonly y: number } | null): void {
    this.#chat?.like(at);
  }

  #update(): void {
    if (this.#paused) return;
    const root = this.#root;
    if (root === null || !this.#isShown) {
      this.#chat?.stop();
      this.#chat = null;
      this.#beacon.start();
      return;
    }
    this.#beacon.stop();
    if (this.#chat !== null || this.#loading) return;
    this.#loading = true;
    import("../chat/mount-chat.tsx")
      .then(({ mountChat }) => {
        this.#loading = false;
        if (this.#isShown && !this.#paused) this.#chat = mountChat(root, this.#chatOptions, () => this.toggle());
      })
      .catch(() => {
        this.#loading = false;
        this.#clock.startTimer(RELOAD_MS, () => this.#update());
      });
  }
}
