/** The chat of the watch page: the room's client or a recording's replay, the playhead, and what is drawn. */
import type { RoomClient } from "../../../protocol/room/client.ts";
import type { Counts } from "../../../protocol/room/events.ts";
import { CLOSES, type Outcome } from "../../../protocol/room/wire.ts";
import { devToken, isLocal, keepToken, personTag, remember, remembered, viewerToken } from "../session.ts";
import { freshTaps, HEART, rise } from "./bursts.ts";
import { playheadOf, type Sight } from "./playhead.ts";
import { ReplayLoader } from "./replay-loader.ts";
import { openRoom } from "./room.ts";
import { type RoomView, type RoomViewEvent, reduceRoom, UNKNOWN_ROOM } from "./view.ts";
import { closeWords } from "./words.ts";

/** What the chat needs of the page. */
export interface ChatParts {
  readonly stream: string;
  /** Where reactions rise. */
  readonly layer: HTMLElement;
  readonly sight: () => Sight;
  /** Whether pictures move, which counts the viewer as watching. */
  readonly playing: () => boolean;
  readonly counted: (counts: Counts) => void;
  /** The room was shut with its stream. */
  readonly stopped: () => void;
  /** Something that is shown changed. */
  readonly changed: () => void;
}

/** How often the playhead is looked at. */
const LOOK_MS = 200;
const NOW_AT = "corral.chat.now";

/** One page's chat, until it is stopped. */
export class Chat {
  readonly #parts: ChatParts;
  readonly #own = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #view: RoomView = UNKNOWN_ROOM;
  #client: RoomClient | null = null;
  #replay: ReplayLoader | null = null;
  #counted = false;
  #inStep: boolean = remembered(NOW_AT) !== "1";
  #signedOut: string | null = null;

  constructor(parts: ChatParts) {
    this.#parts = parts;
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  get view(): RoomView {
    return this.#view;
  }

  /** Whether a recording's chat is shown. */
  get replay(): boolean {
    return this.#replay !== null;
  }

  /** Whether messages wait for the picture. */
  get inStep(): boolean {
    return this.#inStep;
  }

  set inStep(inStep: boolean) {
    this.#inStep = inStep;
    remember(NOW_AT, inStep ? "0" : "1");
    this.#look();
    this.#parts.changed();
  }

  /** Why one is no longer signed in, or null. */
  get signedOut(): string | null {
    return this.#signedOut;
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return Date.now() + (this.#client?.clockAheadMs ?? 0);
  }

  send(text: string, replyTo: number | null): Promise<Outcome> {
    if (this.#client === null) return Promise.resolve({ ok: false, error: "unavailable" });
    const { programTimeMs } = this.#parts.sight();
    const programmeMs = programTimeMs === null ? null : Math.round(programTimeMs);
    return this.#client.act({ kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) }, programmeMs);
  }

  /** A like (`HEART`) or a reaction. */
  tap(emoji: string): void {
    this.#client?.tap(emoji === HEART ? null : emoji);
    this.#own.set(emoji, (this.#own.get(emoji) ?? 0) + 1);
    rise(this.#parts.layer, emoji, 1);
  }

  /** Signs in under a name, which only an edge on this machine grants; null elsewhere. */
  get join(): ((name: string) => Promise<boolean>) | null {
    if (!isLocal()) return null;
    const { stream } = this.#parts;
    return async (name) => {
      // Two devices that choose one name are two people.
      const claims = { sub: `${name.slice(0, 40)}~${personTag()}`, name };
      const token = await devToken(stream, claims).catch(() => null);
      if (token === null) return false;
      keepToken(stream, token);
      this.#signedOut = null;
      this.#connect();
      return true;
    };
  }

  /** Leaves the room. */
  stop(): void {
    clearInterval(this.#timer);
    this.#client?.stop();
    this.#replay?.stop();
  }

  #look(): void {
    const { sight, playing } = this.#parts;
    const seen = sight();
    const replay = seen.phase === "replay";
    if (replay && this.#replay === null) this.#toReplay();
    if (!replay && this.#client === null) this.#connect();
    const playheadMs = replay || this.#inStep ? playheadOf(seen) : null;
    if (playheadMs !== null) this.#replay?.at(playheadMs);
    // Before a recording's first picture nothing of it is due.
    this.#dispatch({ type: "playhead", playheadMs: replay ? (playheadMs ?? 0) : playheadMs });
    this.#client?.play(playing());
  }

  #toReplay(): void {
    this.#client?.stop();
    this.#client = null;
    this.#dispatch({ type: "cleared" });
    const { stream } = this.#parts;
    this.#replay = new ReplayLoader(
      stream,
      () => this.#dispatch({ type: "cleared" }),
      (events) => {
        const delivery = { events, unseen: 0, recovered: true };
        this.#dispatch({ type: "delivered", delivery, nowMs: this.serverNowMs() });
      },
    );
    this.#parts.changed();
  }

  #connect(): void {
    this.#client?.stop();
    if (this.#replay !== null) {
      this.#replay.stop();
      this.#replay = null;
    }
    // A client that begins anew is told what happened from the start.
    this.#dispatch({ type: "cleared" });
    const { stream } = this.#parts;
    const dispatch = (event: RoomViewEvent): void => this.#dispatch(event);
    this.#client = openRoom({ stream, token: viewerToken(stream), dispatch });
    this.#client.play(this.#parts.playing());
  }

  #dispatch(event: RoomViewEvent): void {
    const before = this.#view;
    this.#view = reduceRoom(before, event);
    if (this.#view === before) return;
    if (event.type === "counted") {
      if (this.#counted) {
        for (const [emoji, count] of freshTaps(before.counts, event.counts, this.#own)) {
          rise(this.#parts.layer, emoji, count);
        }
      }
      this.#counted = true;
      this.#parts.counted(event.counts);
    }
    const { link } = this.#view;
    if (event.type === "disconnected" && event.code === CLOSES.stopped.code) this.#parts.stopped();
    if (event.type === "disconnected" && link.state === "closed" && link.code === CLOSES.token.code) {
      this.#signOut(link.code, link.reason);
    }
    this.#parts.changed();
  }

  /** The token opens nothing (any more): one goes on as a reader. */
  #signOut(code: number, reason: string): void {
    const { stream } = this.#parts;
    if (viewerToken(stream) === null) return;
    keepToken(stream, null);
    this.#signedOut = closeWords(code, reason);
    this.#connect();
  }
}
