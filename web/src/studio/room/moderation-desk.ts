/** The moderators' desk: the room's client with a token that moderates, the live chat, and the lists of the staff. */
import type { RoomClient } from "../../../../core/room/client/client.ts";
import type { Command, ModerationCommand } from "../../../../core/room/commands.ts";
import { isStaff, type RoomEvent } from "../../../../core/room/events.ts";
import type { CommandOutcome, ModerationList } from "../../../../core/room/room-protocol.ts";
import { closeText, commandRefusalText } from "../../chat/chat-text.ts";
import { connectRoom } from "../../chat/room-connection.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView } from "../../chat/room-view.ts";
import { isLocalEdge, loadViewerToken, requestDevToken, storeViewerToken } from "../../kit/viewer-session.ts";
import {
  affectedStaffLists,
  applyStaffList,
  applyStaffNotes,
  EMPTY_STAFF_LISTS,
  STAFF_LIST_NAMES,
  type StaffLists,
} from "./staff-lists.ts";

/** Lists that others' acts change are asked for after so long, together. */
const LIST_REFRESH_MS = 400;

/** What became of the last act, and what takes it back. */
export interface DeskNotice {
  readonly text: string;
  readonly bad: boolean;
  readonly undo: ModerationCommand | null;
}

/** One page's desk. */
export class ModerationDesk {
  readonly #stream: string;
  readonly #onChange: () => void;
  readonly #staleLists = new Set<ModerationList["what"]>();
  #listTimer: ReturnType<typeof setTimeout> | undefined;
  #client: RoomClient | null = null;
  #view: RoomView = INITIAL_ROOM_VIEW;
  #staff: StaffLists = EMPTY_STAFF_LISTS;
  #notice: DeskNotice | null = null;
  #needsToken = false;

  constructor(stream: string, changed: () => void) {
    this.#stream = stream;
    this.#onChange = changed;
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

  /** A token that moderates has to be given by hand. */
  get needsToken(): boolean {
    return this.#needsToken;
  }

  /** Whether the token moderates here. */
  get isModerator(): boolean {
    return isStaff(this.#view.you?.roles ?? []);
  }

  /** Connects with the tab's token; in a local run the edge gives the host's. */
  async start(): Promise<void> {
    const known = loadViewerToken(this.#stream);
    const host = { sub: "host", name: "Host", roles: ["host"] };
    const token = known ?? (isLocalEdge() ? await requestDevToken(this.#stream, host).catch(() => null) : null);
    this.#connect(token);
  }

  stop(): void {
    clearTimeout(this.#listTimer);
    this.#client?.stop();
  }

  /** Goes on with another token. */
  useToken(token: string): void {
    storeViewerToken(this.#stream, token);
    this.#connect(token);
  }

  /** Does an act, says what became of it, and offers to take it back with `undo`. */
  async runCommand(act: ModerationCommand, done: string, undo: ModerationCommand | null = null): Promise<void> {
    const outcome = await this.#sendCommand(act);
    this.#notice = outcome.ok
      ? { text: done, bad: false, undo }
      : { text: commandRefusalText(outcome.error, this.#view.modes), bad: true, undo: null };
    if (outcome.ok && act.kind !== "list") this.#scheduleLists(affectedStaffLists(act.kind));
    this.#onChange();
  }

  /** Writes into the chat. */
  send(text: string, replyTo: number | null): Promise<CommandOutcome> {
    return this.#sendCommand({ kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) });
  }

  /** Asks for every list again: others' acts without an event are seen when one looks. */
  refresh(): void {
    if (this.isModerator) this.#scheduleLists(STAFF_LIST_NAMES);
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return Date.now() + (this.#client?.clockAheadMs ?? 0);
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
      if (this.isModerator) this.#scheduleLists(STAFF_LIST_NAMES);
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

  /** Another moderator did something that a list tells of. */
  #handleEvent(event: RoomEvent): void {
    if (event.kind !== "chat") this.#scheduleLists(affectedStaffLists(event.kind));
  }

  #scheduleLists(lists: readonly ModerationList["what"][]): void {
    for (const what of lists) this.#staleLists.add(what);
    this.#listTimer ??= setTimeout(() => {
      this.#listTimer = undefined;
      const wanted = [...this.#staleLists];
      this.#staleLists.clear();
      for (const what of wanted) void this.#requestList(what);
    }, LIST_REFRESH_MS);
  }

  async #requestList(what: ModerationList["what"]): Promise<void> {
    const outcome = await this.#sendCommand({ kind: "list", what });
    if (!outcome.ok || outcome.list === undefined) return;
    this.#staff = applyStaffList(this.#staff, outcome.list);
    this.#onChange();
  }
}
