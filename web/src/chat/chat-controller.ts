/** The chat of the watch page: the room client or a recording's replay, the playhead and the view. */
import { type Platform, startInterval } from "../../../core/kit/clock.ts";
import type { RoomClient } from "../../../core/room/client/client.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import {
  loadGuestName,
  loadPreference,
  loadViewerToken,
  storeGuestName,
  storePreference,
  storeViewerToken,
} from "../kit/viewer-session.ts";
import { closeText, isGuestRefusal } from "./chat-text.ts";
import { chatPlayheadMs, type PlaybackPosition } from "./playhead.ts";
import { animateReaction, type BurstPoint, LIKE_EMOJI, newReactions } from "./reaction-bursts.ts";
import { ReplayLoader } from "./replay-loader.ts";
import { connectRoom } from "./room-connection.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView } from "./room-view.ts";

/** What the chat needs of the page. */
export interface ChatOptions {
  readonly stream: string;
  readonly platform: Platform;
  /** The element in which reactions are animated. */
  readonly reactionLayer: HTMLElement;
  readonly playbackPosition: () => PlaybackPosition;
  /** Whether the video plays; the viewer counts as watching while it does. */
  readonly isPlaying: () => boolean;
  readonly onCounts: (counts: RoomCounts) => void;
  /** The stream was stopped, and its room with it. */
  readonly onStopped: () => void;
  /** The view changed. */
  readonly onChange: () => void;
}

/** How often the playhead is read. */
const PLAYHEAD_POLL_MS = 200;
const UNSYNCED_STORAGE_KEY = "corral.chat.now";

/** One page's chat, until it is stopped. */
export class ChatController {
  readonly #options: ChatOptions;
  readonly #ownReactions = new Map<string, number>();
  readonly #cancelPoll: () => void;
  #view: RoomView = INITIAL_ROOM_VIEW;
  #client: RoomClient | null = null;
  #replay: ReplayLoader | null = null;
  #hasCounts = false;
  #isSynced: boolean = loadPreference(UNSYNCED_STORAGE_KEY) !== "1";
  #signOutReason: string | null = null;
  #allowsGuests = true;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#pollPlayhead();
    this.#cancelPoll = startInterval(options.platform.clock, PLAYHEAD_POLL_MS, () => this.#pollPlayhead());
  }

  get view(): RoomView {
    return this.#view;
  }

  /** Whether the chat of a recording is shown. */
  get isReplay(): boolean {
    return this.#replay !== null;
  }

  /** Whether messages are delayed to the playhead. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  set isSynced(isSynced: boolean) {
    this.#isSynced = isSynced;
    storePreference(UNSYNCED_STORAGE_KEY, isSynced ? "0" : "1");
    this.#pollPlayhead();
    this.#options.onChange();
  }

  /** Why the viewer was signed out, or null. */
  get signOutReason(): string | null {
    return this.#signOutReason;
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return this.#options.platform.clock.nowMs() + (this.#client?.clockAheadMs ?? 0);
  }

  async send(text: string, replyTo: number | null): Promise<CommandOutcome> {
    if (this.#client === null) return { ok: false, error: "unavailable" };
    const { programTimeMs } = this.#options.playbackPosition();
    const programmeMs = programTimeMs === null ? null : Math.round(programTimeMs);
    const command = { kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) } as const;
    const outcome = await this.#client.sendCommand(command, programmeMs);
    if (!outcome.ok && outcome.error === "name-reserved") this.#signOut(SOCKET_CLOSES.token.code, outcome.error);
    return outcome;
  }

  /** Adds a like (`LIKE_EMOJI`) or a reaction, which bursts at a point of the window or at its usual place. */
  addReaction(emoji: string, at: BurstPoint | null = null): void {
    this.#client?.addReaction(emoji === LIKE_EMOJI ? null : emoji);
    this.#ownReactions.set(emoji, (this.#ownReactions.get(emoji) ?? 0) + 1);
    this.#animateReaction(emoji, 1, at);
  }

  /** Whether a viewer without an account may choose a name and chat. */
  get allowsGuests(): boolean {
    return this.#allowsGuests && !this.#view.modes.accountsOnly;
  }

  /** Enters the chat as a guest of this name; null: reads on as nobody. */
  setGuestName(name: string | null): void {
    storeGuestName(name);
    this.#signOutReason = null;
    this.#connect();
  }

  /** Leaves the room and stops all timers. */
  stop(): void {
    this.#cancelPoll();
    this.#client?.stop();
    this.#replay?.stop();
  }

  #animateReaction(emoji: string, count: number, at: BurstPoint | null = null): void {
    const { reactionLayer, platform } = this.#options;
    animateReaction(reactionLayer, { emoji, count, at }, platform.random);
  }

  #pollPlayhead(): void {
    const { playbackPosition, isPlaying } = this.#options;
    const position = playbackPosition();
    const isReplay = position.phase === "replay";
    if (isReplay && this.#replay === null) this.#startReplay();
    if (!isReplay && this.#client === null) this.#connect();
    const playheadMs = isReplay || this.#isSynced ? chatPlayheadMs(position) : null;
    if (playheadMs !== null) this.#replay?.setPlayhead(playheadMs);
    // A recording without a playhead shows no messages yet.
    this.#dispatch({ type: "playhead", playheadMs: isReplay ? (playheadMs ?? 0) : playheadMs });
    this.#client?.setPlaying(isPlaying());
  }

  #startReplay(): void {
    this.#client?.stop();
    this.#client = null;
    this.#dispatch({ type: "cleared" });
    const { stream, platform } = this.#options;
    this.#replay = new ReplayLoader(
      stream,
      platform.clock,
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
    // A new client receives the recent events again.
    this.#dispatch({ type: "cleared" });
    const { stream, platform } = this.#options;
    const dispatch = (event: RoomViewEvent): void => this.#dispatch(event);
    this.#client = connectRoom({
      stream,
      token: loadViewerToken(stream),
      guestName: loadGuestName,
      platform,
      dispatch,
    });
    this.#client.setPlaying(this.#options.isPlaying());
  }

  #dispatch(event: RoomViewEvent): void {
    const before = this.#view;
    this.#view = reduceRoomView(before, event);
    if (this.#view === before) return;
    if (event.type === "counted") {
      if (this.#hasCounts) {
        for (const [emoji, count] of newReactions(before.counts, event.counts, this.#ownReactions)) {
          this.#animateReaction(emoji, count);
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

  /** The token is not valid, or the guest's name is not taken: the viewer continues without. */
  #signOut(code: number, reason: string): void {
    const { stream } = this.#options;
    if (loadViewerToken(stream) !== null) storeViewerToken(stream, null);
    else if (isGuestRefusal(reason)) storeGuestName(null);
    else return;
    if (reason === "guests-off") this.#allowsGuests = false;
    this.#signOutReason = closeText(code, reason);
    this.#connect();
  }
}
