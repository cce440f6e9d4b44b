/** The chat of the watch page: the room's client or a recording's replay, the playhead, and what is drawn. */
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { RoomClient } from "../../../core/room/client/client.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import { type CommandOutcome, SOCKET_CLOSES } from "../../../core/room/room-protocol.ts";
import {
  isLocalEdge,
  loadPersonTag,
  loadPreference,
  loadViewerToken,
  requestDevToken,
  storePreference,
  storeViewerToken,
} from "../kit/viewer-session.ts";
import { closeText } from "./chat-text.ts";
import { chatPlayheadMs, type PlaybackPosition } from "./playhead.ts";
import { animateReaction, LIKE_EMOJI, newReactions } from "./reaction-bursts.ts";
import { ReplayLoader } from "./replay-loader.ts";
import { connectRoom } from "./room-connection.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView } from "./room-view.ts";

/** What the chat needs of the page. */
export interface ChatOptions {
  readonly stream: string;
  /** Where reactions rise. */
  readonly reactionLayer: HTMLElement;
  readonly playbackPosition: () => PlaybackPosition;
  /** Whether pictures move, which counts the viewer as watching. */
  readonly isPlaying: () => boolean;
  readonly onCounts: (counts: RoomCounts) => void;
  /** The room was shut with its stream. */
  readonly onStopped: () => void;
  /** Something that is shown changed. */
  readonly onChange: () => void;
}

/** How often the playhead is looked at. */
const PLAYHEAD_POLL_MS = 200;
const UNSYNCED_STORAGE_KEY = "corral.chat.now";

/** One page's chat, until it is stopped. */
export class ChatController {
  readonly #options: ChatOptions;
  readonly #ownReactions = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #view: RoomView = INITIAL_ROOM_VIEW;
  #client: RoomClient | null = null;
  #replay: ReplayLoader | null = null;
  #hasCounts = false;
  #isSynced: boolean = loadPreference(UNSYNCED_STORAGE_KEY) !== "1";
  #signOutReason: string | null = null;

  constructor(parts: ChatOptions) {
    this.#options = parts;
    this.#pollPlayhead();
    this.#timer = setInterval(() => this.#pollPlayhead(), PLAYHEAD_POLL_MS);
  }

  get view(): RoomView {
    return this.#view;
  }

  /** Whether a recording's chat is shown. */
  get isReplay(): boolean {
    return this.#replay !== null;
  }

  /** Whether messages wait for the picture. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  set isSynced(inStep: boolean) {
    this.#isSynced = inStep;
    storePreference(UNSYNCED_STORAGE_KEY, inStep ? "0" : "1");
    this.#pollPlayhead();
    this.#options.onChange();
  }

  /** Why one is no longer signed in, or null. */
  get signOutReason(): string | null {
    return this.#signOutReason;
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return Date.now() + (this.#client?.clockAheadMs ?? 0);
  }

  send(text: string, replyTo: number | null): Promise<CommandOutcome> {
    if (this.#client === null) return Promise.resolve({ ok: false, error: "unavailable" });
    const { programTimeMs } = this.#options.playbackPosition();
    const programmeMs = programTimeMs === null ? null : Math.round(programTimeMs);
    return this.#client.sendCommand({ kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) }, programmeMs);
  }

  /** A like (`LIKE_EMOJI`) or a reaction. */
  addReaction(emoji: string): void {
    this.#client?.addReaction(emoji === LIKE_EMOJI ? null : emoji);
    this.#ownReactions.set(emoji, (this.#ownReactions.get(emoji) ?? 0) + 1);
    animateReaction(this.#options.reactionLayer, emoji, 1);
  }

  /** Signs in under a name, which only an edge on this machine grants; null elsewhere. */
  get signIn(): ((name: string) => Promise<boolean>) | null {
    if (!isLocalEdge()) return null;
    const { stream } = this.#options;
    return async (name) => {
      // Two devices that choose one name are two people.
      const claims = { sub: `${name.slice(0, 40)}~${loadPersonTag(systemPlatform.random)}`, name };
      const token = await requestDevToken(stream, claims).catch(() => null);
      if (token === null) return false;
      storeViewerToken(stream, token);
      this.#signOutReason = null;
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

  #pollPlayhead(): void {
    const { playbackPosition, isPlaying } = this.#options;
    const seen = playbackPosition();
    const replay = seen.phase === "replay";
    if (replay && this.#replay === null) this.#startReplay();
    if (!replay && this.#client === null) this.#connect();
    const playheadMs = replay || this.#isSynced ? chatPlayheadMs(seen) : null;
    if (playheadMs !== null) this.#replay?.setPlayhead(playheadMs);
    // Before a recording's first picture nothing of it is due.
    this.#dispatch({ type: "playhead", playheadMs: replay ? (playheadMs ?? 0) : playheadMs });
    this.#client?.setPlaying(isPlaying());
  }

  #startReplay(): void {
    this.#client?.stop();
    this.#client = null;
    this.#dispatch({ type: "cleared" });
    const { stream } = this.#options;
    this.#replay = new ReplayLoader(
      stream,
      () => this.#dispatch({ type: "cleared" }),
      (events) => {
        const delivery = { events, omitted: 0, recovered: true };
        this.#dispatch({ type: "delivered", delivery, nowMs: this.serverNowMs() });
      },
    );
    this.#options.onChange();
  }

  #connect(): void {
    this.#client?.stop();
    if (this.#replay !== null) {
      this.#replay.stop();
      this.#replay = null;
    }
    // A client that begins anew is told what happened from the start.
    this.#dispatch({ type: "cleared" });
    const { stream } = this.#options;
    const dispatch = (event: RoomViewEvent): void => this.#dispatch(event);
    this.#client = connectRoom({ stream, token: loadViewerToken(stream), dispatch });
    this.#client.setPlaying(this.#options.isPlaying());
  }

  #dispatch(event: RoomViewEvent): void {
    const before = this.#view;
    this.#view = reduceRoomView(before, event);
    if (this.#view === before) return;
    if (event.type === "counted") {
      if (this.#hasCounts) {
        for (const [emoji, count] of newReactions(before.counts, event.counts, this.#ownReactions)) {
          animateReaction(this.#options.reactionLayer, emoji, count);
        }
      }
      this.#hasCounts = true;
      this.#options.onCounts(event.counts);
    }
    const { link } = this.#view;
    if (event.type === "disconnected" && event.code === SOCKET_CLOSES.stopped.code) this.#options.onStopped();
    if (event.type === "disconnected" && link.state === "closed" && link.code === SOCKET_CLOSES.token.code) {
      this.#signOut(link.code, link.reason);
    }
    this.#options.onChange();
  }

  /** The token opens nothing (any more): one goes on as a reader. */
  #signOut(code: number, reason: string): void {
    const { stream } = this.#options;
    if (loadViewerToken(stream) === null) return;
    storeViewerToken(stream, null);
    this.#signOutReason = closeText(code, reason);
    this.#connect();
  }
}
