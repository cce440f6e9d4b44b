/** The moderation desk: a room client with a moderator's token, the live chat and the staff lists. */
import { type Clock, type Platform, startInterval } from "../../../../core/kit/clock.ts";
import type { RoomClient } from "../../../../core/room/client/client.ts";
import type { Command, ModerationCommand } from "../../../../core/room/commands/index.ts";
import type { RoomEvent } from "../../../../core/room/events.ts";
import { isStaff } from "../../../../core/room/participants.ts";
import type { CommandOutcome } from "../../../../core/room/room-protocol.ts";
import { affectedStaffLists } from "../../../../core/room/staff-lists.ts";
import type { ModerationList } from "../../../../core/room/staff-messages.ts";
import { closeText, commandRefusalText } from "../../chat/chat-text.ts";
import { connectRoom } from "../../chat/room-connection.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView } from "../../chat/room-view.ts";
import { isLocalEdge, loadViewerToken, requestDevToken, storeViewerToken } from "../../kit/viewer-session.ts";
import {
  applyStaffList,
  applyStaffNotes,
  EMPTY_STAFF_LISTS,
  STAFF_LIST_NAMES,
  type StaffLists,
} from "./staff-lists.ts";

/** Lists changed by other moderators are requested together, after this delay. */
const LIST_REFRESH_MS = 400;

/** Refused messages cause no event: their list is requested anew while somebody sees the page. */
const DENIED_REFRESH_MS = 15_000;

/** The outcome of the last command, and the command that undoes it. */
export interface DeskNotice {
  readonly text: string;
  readonly bad: boolean;
  readonly undo: ModerationCommand | null;
}

/** One page's desk. */
export class ModerationDesk {
  readonly #stream: string;
  readonly #platform: Platform;
  readonly #onChange: () => void;
  readonly #staleLists = new Set<ModerationList["what"]>();
  #cancelListRefresh: (() => void) | null = null;
  #stopDeniedRefresh: () => void = () => {};
  #listRefresh: Promise<void> | null = null;
  #client: RoomClient | null = null;
  #view: RoomView = INITIAL_ROOM_VIEW;
  #staff: StaffLists = EMPTY_STAFF_LISTS;
  #notice: DeskNotice | null = null;
  #needsToken = false;

  constructor(stream: string, platform: Platform, onChange: () => void) {
    this.#stream = stream;
    this.#platform = platform;
    this.#onChange = onChange;
  }

  get clock(): Clock {
    return this.#platform.clock;
  }

  get view(): RoomView {
    return this.#view;
  }

  get staff(): StaffLists {
    return this.#staff;
  }

  get notice(): DeskNotice | null {
    return this.#notice;
  }

  /** Whether a moderator's token must be entered. */
  get needsToken(): boolean {
    return this.#needsToken;
  }

  /** Whether the token has a moderator's role in this room. */
  get isModerator(): boolean {
    return isStaff(this.#view.you?.roles ?? []);
  }

  /** Connects with the tab's token; on a local edge, with a host token. */
  async start(): Promise<void> {
    this.#stopDeniedRefresh = startInterval(this.clock, DENIED_REFRESH_MS, () => {
      if (this.isModerator && document.visibilityState === "visible") void this.#refreshLists(["denied"]);
    });
    const known = loadViewerToken(this.#stream);
    const host = { sub: "host", name: "Host", roles: ["host"] };
    const token = known ?? (isLocalEdge() ? await requestDevToken(this.#stream, host).catch(() => null) : null);
    this.#connect(token);
  }

  stop(): void {
    this.#stopDeniedRefresh();
    this.#cancelListRefresh?.();
    this.#cancelListRefresh = null;
    this.#listRefresh = null;
    this.#client?.stop();
  }

  /** Reconnects with another token. */
  useToken(token: string): void {
    storeViewerToken(this.#stream, token);
    this.#connect(token);
  }

  /** Sends a command, shows its outcome and offers `undo`. Ends when the view and the staff lists show its effect. */
  async runCommand(act: ModerationCommand, done: string, undo: ModerationCommand | null = null): Promise<void> {
    const outcome = await this.#sendCommand(act);
    this.#notice = outcome.ok
      ? { text: done, bad: false, undo }
      : { text: commandRefusalText(outcome.error, this.#view.modes), bad: true, undo: null };
    this.#onChange();
    if (outcome.ok && act.kind !== "list") await this.#refreshLists(affectedStaffLists(act.kind));
  }

  /** Sends a chat message. */
  send(text: string, replyTo: number | null): Promise<CommandOutcome> {
    return this.#sendCommand({ kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) });
  }

  /** Requests every list again: some commands of other moderators cause no event. */
  refresh(): void {
    if (this.isModerator) void this.#refreshLists(STAFF_LIST_NAMES);
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return this.clock.nowMs() + (this.#client?.clockAheadMs ?? 0);
  }

  #sendCommand(act: Command): Promise<CommandOutcome> {
    return this.#client?.sendCommand(act) ?? Promise.resolve({ ok: false, error: "unavailable" });
  }

  #connect(token: string | null): void {
    this.#client?.stop();
    this.#view = INITIAL_ROOM_VIEW;
    this.#staff = EMPTY_STAFF_LISTS;
    this.#needsToken = token === null;
    this.#client = connectRoom({
      stream: this.#stream,
      token,
      platform: this.#platform,
      dispatch: (event) => this.#dispatch(event),
      onStaffNotes: (notes) => {
        this.#staff = applyStaffNotes(this.#staff, notes);
        this.#onChange();
      },
    });
    this.#onChange();
  }

  #dispatch(event: RoomViewEvent): void {
    this.#view = reduceRoomView(this.#view, event);
    if (event.type === "welcomed") {
      this.#needsToken = !this.isModerator;
      if (this.isModerator) void this.#refreshLists(STAFF_LIST_NAMES);
    }
    if (event.type === "delivered" && this.isModerator)
      for (const each of event.delivery.events) this.#handleEvent(each);
    const { link } = this.#view;
    if (link.state === "closed") {
      this.#needsToken = true;
      this.#notice = { text: closeText(link.code, link.reason), bad: true, undo: null };
    }
    this.#onChange();
  }

  /** Requests the lists that the event of a moderation command changes. */
  #handleEvent(event: RoomEvent): void {
    if (event.kind !== "chat") void this.#refreshLists(affectedStaffLists(event.kind));
  }

  /** Requests lists together with those of other calls, after a delay; ends when they are shown. */
  #refreshLists(lists: readonly ModerationList["what"][]): Promise<void> {
    for (const what of lists) this.#staleLists.add(what);
    this.#listRefresh ??= new Promise((resolve) => {
      this.#cancelListRefresh = this.clock.startTimer(LIST_REFRESH_MS, () => {
        this.#cancelListRefresh = null;
        this.#listRefresh = null;
        const stale = [...this.#staleLists];
        this.#staleLists.clear();
        resolve(Promise.all(stale.map((what) => this.#requestList(what))).then(() => undefined));
      });
    });
    return this.#listRefresh;
  }

  async #requestList(what: ModerationList["what"]): Promise<void> {
    const outcome = await this.#sendCommand({ kind: "list", what });
    if (!outcome.ok || outcome.list === undefined) return;
    this.#staff = applyStaffList(this.#staff, outcome.list);
    this.#onChange();
  }
}
