/** The streams of one page: the directory's lists and the names kept on this device, with details of those in view. */
import type { Platform } from "../../../../core/kit/clock.ts";
import { type DirectoryPage, fetchDirectoryPage, type StreamCard } from "../../kit/directory-client.ts";
import { loadOwnStreams, storeOwnStream } from "../../kit/own-streams.ts";
import { loadTabToken, requestDevToken } from "../../kit/viewer-session.ts";
import { checkOperatorToken, requestDetails, requestHealth, requestStatus } from "./overview-requests.ts";
import {
  describeTile,
  keepOrder,
  type ListedCard,
  type StreamFacts,
  type StreamTile,
  sortTiles,
} from "./stream-tile.ts";

/** Periods and limits, each with its reason. */
const OVERVIEW_LIMITS = {
  /** The directory, and each stream in view, as the start page does. */
  everyMs: 10_000,
  /** Titles and schedules change seldom. */
  detailsEveryMs: 60_000,
  /** Tiles that come into view while somebody scrolls are asked about together. */
  soonMs: 250,
  /** A browser has six connections to the edge. */
  parallelStreams: 3,
} as const;

/** What a controller works with. */
export interface OverviewOptions {
  readonly platform: Platform;
  /** On a local edge everybody is a host of every stream. */
  readonly isLocal: boolean;
  /** Whether somebody points at a tile, whose place then stays. */
  readonly isHeld: () => boolean;
  readonly onChange: () => void;
}

/** What was told of a stream, and when it was asked for; times of the monotonic clock. */
interface AskedStream extends Pick<StreamFacts, "details" | "status" | "health"> {
  readonly askedMs: number;
  readonly detailsMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;
const UNASKED: AskedStream = { details: null, status: null, health: null, askedMs: NEVER, detailsMs: NEVER };

/** See the file's first line. It asks while the page is visible. */
export class OverviewController {
  readonly #options: OverviewOptions;
  readonly #asked = new Map<string, AskedStream>();
  readonly #inView = new Set<string>();
  /** Streams whose own token has no right to their health. */
  readonly #denied = new Set<string>();
  readonly #localTokens = new Map<string, string | null>();
  #own: readonly string[] = loadOwnStreams();
  #first: DirectoryPage | null = null;
  #further: readonly StreamCard[] = [];
  #furtherNext: string | null | undefined;
  #directoryMs = NEVER;
  #isFailing = false;
  #isPolling = false;
  #cancelPoll: () => void = () => {};
  #operatorToken: string | null = null;
  #isBusy = false;
  #errorText: string | null = null;
  #ownTiles: readonly StreamTile[] = [];
  #otherTiles: readonly StreamTile[] = [];

  constructor(options: OverviewOptions) {
    this.#options = options;
    this.#arrange();
  }

  /** The streams whose studio was opened here as a host. */
  get ownTiles(): readonly StreamTile[] {
    return this.#ownTiles;
  }

  /** All others that the page shows: to the operator what is live, on a local edge everything that is listed. */
  get otherTiles(): readonly StreamTile[] {
    return this.#otherTiles;
  }

  /** Whether the directory has answered. */
  get isListed(): boolean {
    return this.#first !== null;
  }

  /** Whether the last request for the directory failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Whether the directory has further live streams to show. */
  get hasMore(): boolean {
    return this.#showsAll && this.#next !== null;
  }

  get isOperator(): boolean {
    return this.#operatorToken !== null;
  }

  /** Whether a token is being tried. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Why the token was not taken, or null. */
  get errorText(): string | null {
    return this.#errorText;
  }

  /** Asks at once and from now on, and again when the page becomes visible. */
  start(): void {
    document.addEventListener("visibilitychange", () => void this.#poll());
    void this.#poll();
  }

  /** A stream's tile came into view, or left it. */
  setInView(stream: string, isInView: boolean): void {
    if (isInView) this.#inView.add(stream);
    else this.#inView.delete(stream);
    if (isInView && this.#isDue(stream) && !this.#isPolling) this.#pollIn(OVERVIEW_LIMITS.soonMs);
  }

  /** Takes a stream off the list of this device. */
  forgetStream(stream: string): void {
    storeOwnStream(stream, false);
    this.#own = loadOwnStreams();
    this.#changed();
  }

  /** Uses the operator's token, which only this page keeps. */
  async useToken(token: string): Promise<void> {
    this.#isBusy = true;
    this.#options.onChange();
    const verdict = await checkOperatorToken(token);
    this.#isBusy = false;
    this.#errorText = {
      right: null,
      wrong: "This is not the operator’s token.",
      unknown: "The edge does not take the token now. Try again.",
    }[verdict];
    if (verdict === "right") this.#setOperatorToken(token);
    this.#changed();
  }

  /** Shows the directory's next page of live streams. */
  async showMore(): Promise<void> {
    const next = this.#next;
    if (next === null) return;
    try {
      const page = await fetchDirectoryPage(next);
      this.#further = [...this.#further, ...page.live];
      this.#furtherNext = page.next;
      this.#isFailing = false;
    } catch {
      this.#isFailing = true;
    }
    this.#changed();
  }

  get #next(): string | null {
    return this.#furtherNext === undefined ? (this.#first?.next ?? null) : this.#furtherNext;
  }

  get #showsAll(): boolean {
    return this.#options.isLocal || this.isOperator;
  }

  #setOperatorToken(token: string): void {
    this.#operatorToken = token;
    // What was told without the right to a stream's health is asked again.
    for (const [stream, asked] of this.#asked) this.#asked.set(stream, { ...asked, askedMs: NEVER });
    if (!this.#isPolling) this.#pollIn(OVERVIEW_LIMITS.soonMs);
  }

  async #poll(): Promise<void> {
    this.#cancelPoll();
    if (this.#isPolling || document.visibilityState === "hidden") return;
    this.#isPolling = true;
    const { clock } = this.#options.platform;
    if (clock.monotonicMs() - this.#directoryMs >= OVERVIEW_LIMITS.everyMs) await this.#readDirectory();
    const due = [...this.#inView].filter((stream) => this.#isDue(stream));
    for (let at = 0; at < due.length; at += OVERVIEW_LIMITS.parallelStreams) {
      await Promise.all(due.slice(at, at + OVERVIEW_LIMITS.parallelStreams).map((stream) => this.#ask(stream)));
      this.#changed();
    }
    this.#isPolling = false;
    const isMoreDue = [...this.#inView].some((stream) => this.#isDue(stream));
    this.#pollIn(isMoreDue ? OVERVIEW_LIMITS.soonMs : OVERVIEW_LIMITS.everyMs);
  }

  #pollIn(delayMs: number): void {
    this.#cancelPoll();
    this.#cancelPoll = this.#options.platform.clock.startTimer(delayMs, () => void this.#poll());
  }

  async #readDirectory(): Promise<void> {
    this.#directoryMs = this.#options.platform.clock.monotonicMs();
    try {
      this.#first = await fetchDirectoryPage(null);
      this.#isFailing = false;
    } catch {
      this.#isFailing = true;
    }
    this.#changed();
  }

  #isDue(stream: string): boolean {
    const { askedMs } = this.#asked.get(stream) ?? UNASKED;
    return this.#options.platform.clock.monotonicMs() - askedMs >= OVERVIEW_LIMITS.everyMs;
  }

  /** Asks about a stream; what is not told stays as it was. */
  async #ask(stream: string): Promise<void> {
    const { clock } = this.#options.platform;
    const before = this.#asked.get(stream) ?? UNASKED;
    const askedMs = clock.monotonicMs();
    this.#asked.set(stream, { ...before, askedMs });
    const areDetailsDue = this.#own.includes(stream) && askedMs - before.detailsMs >= OVERVIEW_LIMITS.detailsEveryMs;
    const [status, details] = await Promise.all([
      requestStatus(stream),
      areDetailsDue ? requestDetails(stream, clock.nowMs()) : null,
    ]);
    const isLive = status !== null && status !== "none" && status.state === "live" && status.stop === undefined;
    const health = isLive ? await this.#askHealth(stream) : null;
    this.#asked.set(stream, {
      askedMs,
      detailsMs: areDetailsDue ? askedMs : before.detailsMs,
      status: status ?? before.status,
      details: details ?? before.details,
      health,
    });
  }

  async #askHealth(stream: string): Promise<StreamFacts["health"]> {
    const operator = this.#operatorToken;
    const token = operator ?? (this.#denied.has(stream) ? null : await this.#hostToken(stream));
    if (token === null) return null;
    const health = await requestHealth(stream, token, this.#options.platform.clock.nowMs());
    if (health !== "denied") return health;
    if (operator === null) this.#denied.add(stream);
    else if (operator === this.#operatorToken) {
      this.#operatorToken = null;
      this.#errorText = "The edge no longer takes the operator’s token.";
    }
    return null;
  }

  async #hostToken(stream: string): Promise<string | null> {
    const kept = loadTabToken(stream);
    if (kept !== null || !this.#options.isLocal) return kept;
    const known = this.#localTokens.get(stream);
    if (known !== undefined) return known;
    const host = { sub: "host", name: "Host", roles: ["host"] };
    const token = await requestDevToken(stream, host).catch(() => null);
    this.#localTokens.set(stream, token);
    return token;
  }

  #changed(): void {
    this.#arrange();
    this.#options.onChange();
  }

  /** Makes the tiles of what is known. */
  #arrange(): void {
    const cards = this.#cards();
    const own = new Set(this.#own);
    const others = this.#showsAll
      ? [...cards.values()].filter(({ stream, list }) => !own.has(stream) && (list === "live" || this.#options.isLocal))
      : [];
    const nowMs = this.#options.platform.clock.nowMs();
    const isHeld = this.#options.isHeld();
    const arrange = (streams: readonly string[], shown: readonly StreamTile[]): readonly StreamTile[] => {
      const tiles = streams.map((stream) => {
        const { details, status, health } = this.#asked.get(stream) ?? UNASKED;
        return describeTile({ stream, card: cards.get(stream) ?? null, details, status, health }, nowMs);
      });
      const sorted = sortTiles(tiles);
      return isHeld
        ? keepOrder(
            shown.map(({ stream }) => stream),
            sorted,
          )
        : sorted;
    };
    this.#ownTiles = arrange(this.#own, this.#ownTiles);
    this.#otherTiles = arrange(
      others.map(({ stream }) => stream),
      this.#otherTiles,
    );
  }

  /** The directory's cards by stream; of a stream in several lists the one that says most. */
  #cards(): ReadonlyMap<string, ListedCard> {
    const cards = new Map<string, ListedCard>();
    const add = (list: ListedCard["list"], of: readonly StreamCard[]): void => {
      for (const card of of) if (!cards.has(card.stream)) cards.set(card.stream, { ...card, list });
    };
    add("live", this.#first?.live ?? []);
    add("live", this.#further);
    add("upcoming", this.#first?.upcoming ?? []);
    add("replays", this.#first?.replays ?? []);
    return cards;
  }
}
