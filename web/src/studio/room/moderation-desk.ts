/** The moderation desk: a room client with a moderator's token, the live chat and the staff lists. */
import { type Clock, type Platform, startInterval } from "../../../../core/kit/clock.ts";
import type { RoomClient } from "../../../../core/room/client/client.ts";
import type { Command, ModerationCommand } from "../../../../core/room/commands/index.ts";
import type { RoomEvent } from "../../../../core/room/events.ts";
import { isStaff } from "../../../../core/room/participants.ts";
import type { RoomErrorCode } from "../../../../core/room/room-errors.ts";
import type { CommandOutcome } from "../../../../core/room/room-protocol.ts";
import { affectedStaffLists } from "../../../../core/room/staff-lists.ts";
import type { ModerationList } from "../../../../core/room/staff-messages.ts";
import { closeText, commandRefusalText, isGuestRefusal } from "../../chat/chat-text.ts";
import { connectRoom } from "../../chat/room-connection.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView } from "../../chat/room-view.ts";
import {
  isLocalEdge,
  loadGuestName,
  loadViewerToken,
  requestDevToken,
  storeGuestName,
  storeViewerToken,
} from "../../kit/viewer-session.ts";
import { createInvitationSecret, formatInvitationLink, takeInvitationSecret } from "./invitation-link.ts";
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

/** An invitation to moderate, as its receiver sees it: a name is asked for, then the room, then the receiver. */
export type InvitationView =
  | { readonly step: "name"; readonly error: string | null }
  | { readonly step: "asking" }
  | { readonly step: "offered"; readonly by: string }
  | { readonly step: "over"; readonly text: string };

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
  /** Of the link with which the page was opened, until it is used or left. */
  #secret: string | null = null;
  #invitation: InvitationView | null = null;
  #invitationLink: string | null = null;

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

  /** The invitation with which the page was opened; null without one. */
  get invitation(): InvitationView | null {
    return this.#invitation;
  }

  /** The link that was made last on this page, with its secret; null before the first. */
  get invitationLink(): string | null {
    return this.#invitationLink;
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
    this.#secret = takeInvitationSecret();
    if (this.#secret !== null) {
      // On a local edge everybody would be a host, who needs no invitation.
      this.#connect(known);
      return;
    }
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
    this.#say(outcome, done, undo);
    if (outcome.ok && act.kind !== "list") await this.#refreshLists(affectedStaffLists(act.kind));
  }

  /** Makes an invitation, and shows its link. */
  async inviteModerator(): Promise<void> {
    const secret = createInvitationSecret();
    const outcome = await this.#sendCommand({ kind: "invite", secret });
    if (outcome.ok) this.#invitationLink = formatInvitationLink(location.origin, this.#stream, secret);
    this.#say(outcome, "The invitation is ready: copy its link.");
    if (outcome.ok) await this.#refreshLists(affectedStaffLists("invite"));
  }

  /** Revokes an invitation. The page does not know which one its link is of, so it shows that no more. */
  async revokeInvitation(invitation: string): Promise<void> {
    this.#invitationLink = null;
    await this.runCommand({ kind: "uninvite", invitation }, "The invitation is revoked.");
  }

  /** Enters the room as a guest of this name, to answer an invitation. */
  setGuestName(name: string): void {
    storeGuestName(name);
    this.#connect(null);
  }

  /** Accepts the invitation: the page's person becomes a moderator. */
  async acceptInvitation(): Promise<void> {
    if (this.#secret === null) return;
    const outcome = await this.#sendCommand({ kind: "accept", secret: this.#secret, isConfirmed: true });
    if (!outcome.ok) {
      this.#endInvitation(outcome.error);
      return;
    }
    this.leaveInvitation();
    // The welcome has the new role.
    this.#connect(loadViewerToken(this.#stream));
    this.#say(outcome, "You are a moderator of this room now.");
  }

  /** Leaves the invitation as it is. */
  leaveInvitation(): void {
    this.#secret = null;
    this.#invitation = null;
    this.#onChange();
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

  #say(outcome: CommandOutcome, done: string, undo: ModerationCommand | null = null): void {
    this.#notice = outcome.ok
      ? { text: done, bad: false, undo }
      : { text: commandRefusalText(outcome.error, this.#view.modes), bad: true, undo: null };
    this.#onChange();
  }

  async #askInvitation(secret: string): Promise<void> {
    const outcome = await this.#sendCommand({ kind: "accept", secret, isConfirmed: false });
    if (this.#secret !== secret) return;
    if (this.isModerator) this.#invitation = { step: "over", text: "You moderate this room already." };
    else if (outcome.ok && outcome.invitation !== undefined)
      this.#invitation = { step: "offered", by: outcome.invitation.by };
    else this.#endInvitation(outcome.ok ? "not-found" : outcome.error);
    this.#onChange();
  }

  #endInvitation(error: RoomErrorCode): void {
    const text =
      error === "not-found"
        ? "This invitation was used, was revoked or has ended. Ask for another one."
        : commandRefusalText(error, this.#view.modes);
    this.#invitation = { step: "over", text };
    this.#onChange();
  }

  #sendCommand(act: Command): Promise<CommandOutcome> {
    return this.#client?.sendCommand(act) ?? Promise.resolve({ ok: false, error: "unavailable" });
  }

  #connect(token: string | null): void {
    this.#client?.stop();
    this.#view = INITIAL_ROOM_VIEW;
    this.#staff = EMPTY_STAFF_LISTS;
    this.#needsToken = token === null;
    if (this.#secret === "") this.#invitation = { step: "over", text: "This link is not complete. Ask for it again." };
    else if (this.#secret !== null)
      this.#invitation =
        token === null && loadGuestName() === null ? { step: "name", error: null } : { step: "asking" };
    this.#client = connectRoom({
      stream: this.#stream,
      token,
      // A guest may be a moderator whom the room appointed.
      guestName: loadGuestName,
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
      if (this.#secret !== null && this.#secret !== "" && event.you !== null) void this.#askInvitation(this.#secret);
    }
    if (event.type === "delivered" && this.isModerator)
      for (const each of event.delivery.events) this.#handleEvent(each);
    const { link } = this.#view;
    if (link.state === "closed" && isGuestRefusal(link.reason) && loadGuestName() !== null) {
      storeGuestName(null);
      this.#connect(null);
      const error = closeText(link.code, link.reason);
      if (this.#secret !== null) this.#invitation = { step: "name", error };
    } else if (link.state === "closed") {
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
    // The link that is shown was used, or has ended.
    if (this.#staff.invitations?.length === 0) this.#invitationLink = null;
    this.#onChange();
  }
}
