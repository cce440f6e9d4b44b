/**
 * `<corral-player stream="…" src="https://edge/">`: a stream's player in any page, as docs/embed.md describes it. It makes the frame
 * and speaks with the player in it.
 */

import { embedAddress } from "../../../core/embed/embed-code.ts";
import {
  type EmbedCommand,
  type EmbedEvent,
  readEmbedEvent,
  writeEmbedMessage,
} from "../../../core/embed/embed-protocol.ts";
import { parseStreamName } from "../../../core/kit/ids.ts";

const STYLE = `:host{display:block;position:relative;width:100%;aspect-ratio:16/9;background:#000}
:host([hidden]){display:none}
iframe{position:absolute;inset:0;width:100%;height:100%;border:0}`;

/** The address of this script, whose edge is the default. */
const ownAddress = import.meta.url;

/** The element. Its events are those of the protocol; `detail` is the event. */
export class CorralPlayer extends HTMLElement {
  static readonly observedAttributes: readonly string[] = ["stream", "src", "muted"];

  readonly #root = this.attachShadow({ mode: "open" });
  #frame: HTMLIFrameElement | null = null;
  #origin = "";
  #isReady = false;
  /** Commands before the player takes them. */
  #waiting: EmbedCommand[] = [];
  #state: Extract<EmbedEvent, { type: "state" }> | null = null;
  #delayS: number | null = null;
  readonly #listen = (event: MessageEvent<unknown>): void => this.#onMessage(event);

  connectedCallback(): void {
    addEventListener("message", this.#listen);
    this.#load();
  }

  disconnectedCallback(): void {
    removeEventListener("message", this.#listen);
    this.#root.replaceChildren();
    this.#frame = null;
    this.#resetState();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || this.#frame === null) return;
    if (name === "muted") this.#send({ type: after === null ? "unmute" : "mute" });
    else this.#load();
  }

  /** Plays; a browser may permit it only muted, or after a gesture. */
  play(): void {
    this.#send({ type: "play" });
  }

  pause(): void {
    this.#send({ type: "pause" });
  }

  /** `paused`, `playing` and so on; `idle` before the player has said anything. */
  get state(): string {
    return this.#state?.state ?? "idle";
  }

  /** Seconds between the broadcast and the picture; null if unknown. */
  get delay(): number | null {
    return this.#delayS;
  }

  get muted(): boolean {
    return this.#state?.muted ?? this.hasAttribute("muted");
  }

  set muted(muted: boolean) {
    this.#send({ type: muted ? "mute" : "unmute" });
  }

  get volume(): number {
    return this.#state?.volume ?? 1;
  }

  /** 0 to 1. */
  set volume(volume: number) {
    this.#send({ type: "volume", volume: Math.min(1, Math.max(0, Number(volume) || 0)) });
  }

  #resetState(): void {
    this.#isReady = false;
    this.#waiting = [];
    this.#state = null;
    this.#delayS = null;
  }

  #load(): void {
    this.#resetState();
    this.#root.replaceChildren();
    this.#frame = null;
    const stream = parseStreamName(this.getAttribute("stream") ?? "");
    const edge = this.getAttribute("src") ?? ownAddress;
    if (stream === null || !URL.canParse(edge, document.baseURI)) return;
    const url = new URL(edge, document.baseURI);
    if (!/^https?:$/.test(url.protocol)) return;
    this.#origin = url.origin;
    const frame = document.createElement("iframe");
    frame.src = embedAddress(url.origin, stream, {
      autoplay: this.hasAttribute("autoplay"),
      muted: this.hasAttribute("muted"),
    });
    frame.allow = "autoplay; fullscreen; picture-in-picture";
    // The player learns of the page's origin, and of nothing else.
    frame.referrerPolicy = "origin";
    frame.title = this.getAttribute("title") ?? "Live stream";
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.#root.append(style, frame);
    this.#frame = frame;
  }

  #send(command: EmbedCommand): void {
    if (this.#isReady) this.#frame?.contentWindow?.postMessage(writeEmbedMessage(command), this.#origin);
    else if (this.#waiting.length < 20) this.#waiting.push(command);
  }

  #onMessage({ data, origin, source }: MessageEvent<unknown>): void {
    if (this.#frame === null || source !== this.#frame.contentWindow || origin !== this.#origin) return;
    const event = readEmbedEvent(data);
    if (event === null) return;
    if (event.type === "state") this.#state = event;
    if (event.type === "delay") this.#delayS = event.seconds;
    if (event.type === "ready") {
      this.#isReady = true;
      for (const command of this.#waiting.splice(0)) this.#send(command);
    }
    this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }
}

if (customElements.get("corral-player") === undefined) customElements.define("corral-player", CorralPlayer);
