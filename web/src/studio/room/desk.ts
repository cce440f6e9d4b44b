/** The moderators' desk: the room's client with a token that moderates, the live chat, and the lists of the staff. */
import type { RoomClient } from "../../../../protocol/room/client.ts";
import { isStaff, type RoomEvent } from "../../../../protocol/room/events.ts";
import type { Act, Listed, ModerationAct, Outcome } from "../../../../protocol/room/wire.ts";
import { openRoom } from "../../chat/room.ts";
import { type RoomView, type RoomViewEvent, reduceRoom, UNKNOWN_ROOM } from "../../chat/view.ts";
import { closeWords, refusal } from "../../chat/words.ts";
import { devToken, isLocal, keepToken, viewerToken } from "../../session.ts";
import { changedBy, LISTS, listed, NO_STAFF, noted, type Staff } from "./staff.ts";

/** Lists that others' acts change are asked for after so long, together. */
const RELIST_MS = 400;

/** What became of the last act, and what takes it back. */
export interface Said {
  readonly text: string;
  readonly bad: boolean;
  readonly undo: ModerationAct | null;
}

/** One page's desk. */
export class Desk {
  readonly #stream: string;
  readonly #changed: () => void;
  readonly #relist = new Set<Listed["what"]>();
  #relistTimer: ReturnType<typeof setTimeout> | undefined;
  #client: RoomClient | null = null;
  #view: RoomView = UNKNOWN_ROOM;
  #staff: Staff = NO_STAFF;
  #said: Said | null = null;
  #needsToken = false;

  constructor(stream: string, changed: () => void) {
    this.#stream = stream;
    this.#changed = changed;
  }

  get view(): RoomView {
    return this.#view;
  }

  get staff(): Staff {
    return this.#staff;
  }

  get said(): Said | null {
    return this.#said;
  }

  /** A token that moderates has to be given by hand. */
  get needsToken(): boolean {
    return this.#needsToken;
  }

  /** Whether the token moderates here. */
  get moderates(): boolean {
    return isStaff(this.#view.you?.roles ?? []);
  }

  /** Connects with the tab's token; in a local run the edge gives the host's. */
  async start(): Promise<void> {
    const known = viewerToken(this.#stream);
    const host = { sub: "host", name: "Host", roles: ["host"] };
    const token = known ?? (isLocal() ? await devToken(this.#stream, host).catch(() => null) : null);
    this.#connect(token);
  }

  stop(): void {
    clearTimeout(this.#relistTimer);
    this.#client?.stop();
  }

  /** Goes on with another token. */
  useToken(token: string): void {
    keepToken(this.#stream, token);
    this.#connect(token);
  }

  /** Does an act, says what became of it, and offers to take it back with `undo`. */
  async act(act: ModerationAct, done: string, undo: ModerationAct | null = null): Promise<void> {
    const outcome = await this.#act(act);
    this.#said = outcome.ok
      ? { text: done, bad: false, undo }
      : { text: refusal(outcome.error, this.#view.modes), bad: true, undo: null };
    if (outcome.ok && act.kind !== "list") this.#askSoon(changedBy(act.kind));
    this.#changed();
  }

  /** Writes into the chat. */
  send(text: string, replyTo: number | null): Promise<Outcome> {
    return this.#act({ kind: "chat", text, ...(replyTo === null ? {} : { replyTo }) });
  }

  /** Asks for every list again: others' acts without an event are seen when one looks. */
  refresh(): void {
    if (this.moderates) this.#askSoon(LISTS);
  }

  /** The server's clock, ms. */
  serverNowMs(): number {
    return Date.now() + (this.#client?.clockAheadMs ?? 0);
  }

  #act(act: Act): Promise<Outcome> {
    return this.#client?.act(act) ?? Promise.resolve({ ok: false, error: "unavailable" });
  }

  #connect(token: string | null): void {
    this.#client?.stop();
    this.#view = UNKNOWN_ROOM;
    this.#staff = NO_STAFF;
    this.#needsToken = token === null;
    this.#client = openRoom({
      stream: this.#stream,
      token,
      dispatch: (event) => this.#dispatch(event),
      staff: (notes) => {
        this.#staff = noted(this.#staff, notes);
        this.#changed();
      },
    });
    this.#changed();
  }

  #dispatch(event: RoomViewEvent): void {
    this.#view = reduceRoom(this.#view, event);
    if (event.type === "welcomed") {
      this.#needsToken = !this.moderates;
      if (this.moderates) this.#askSoon(LISTS);
    }
    if (event.type === "delivered" && this.moderates) for (const each of event.delivery.events) this.#heard(each);
    const { link } = this.#view;
    if (link.state === "closed") {
      this.#needsToken = true;
      this.#said = { text: closeWords(link.code, link.reason), bad: true, undo: null };
    }
    this.#changed();
  }

  /** Another moderator did something that a list tells of. */
  #heard(event: RoomEvent): void {
    if (event.kind !== "chat") this.#askSoon(changedBy(event.kind));
  }

  #askSoon(lists: readonly Listed["what"][]): void {
    for (const what of lists) this.#relist.add(what);
    this.#relistTimer ??= setTimeout(() => {
      this.#relistTimer = undefined;
      const wanted = [...this.#relist];
      this.#relist.clear();
      for (const what of wanted) void this.#ask(what);
    }, RELIST_MS);
  }

  async #ask(what: Listed["what"]): Promise<void> {
    const outcome = await this.#act({ kind: "list", what });
    if (!outcome.ok || outcome.list === undefined) return;
    this.#staff = listed(this.#staff, outcome.list);
    this.#changed();
  }
}
