/** One playlist as a player follows it, and the parts that it plays from it. */
import { lastClosedSegment, type MediaPlaylist, nextReloadPosition } from "../../conformance/playlist-reader.ts";
import type { PublishedBroadcast, PublishedPart } from "./ledger.ts";
import type { PlayerHost, ViewerAnswer } from "./player-host.ts";
import type { JudgedPlaylist } from "./playlist-judge.ts";

interface Position {
  readonly msn: number;
  readonly part: number;
}

/** Failed reloads in a row, and attempts at one part, after which the player begins anew. */
const MAX_FAILURES = 6;
const RETRY_MS = { min: 100, max: 500 } as const;
/** Of playlists, so many are followed by a request for something old that they list. */
const PROBE_CHANCE = 0.03;
/** Parts that wait to be fetched; a player that is this far behind begins anew. */
const MAX_QUEUED = 64;

/** Follows one playlist until it is stopped, ends, or has lost its place. */
export class TrackFollower {
  readonly #viewer: PlayerHost;
  readonly #path: string;
  readonly #folder: string;
  readonly #broadcast: PublishedBroadcast;
  readonly track: string;
  #isStopped = false;
  #before: { readonly judged: JudgedPlaylist; readonly isolate: string } | null = null;
  /** The next part to queue. */
  #next: Position | null = null;
  /** Segments whose parts had left the playlist are fetched whole. */
  #queue: (() => Promise<boolean>)[] = [];
  #wakePlayer: (() => void) | null = null;
  readonly #hinted = new Map<string, Promise<ViewerAnswer>>();
  readonly #inits = new Set<string>();
  /** The newest part that was played. */
  lastPlayed: PublishedPart | null = null;
  /** The playlist's end was reached, and all before it was played. */
  hasEnded = false;

  constructor(viewer: PlayerHost, path: string) {
    this.#viewer = viewer;
    this.#path = path;
    this.#folder = path.slice(0, path.lastIndexOf("/") + 1);
    const [, , , broadcast = "", track = ""] = path.split("/");
    this.track = track;
    const published = viewer.world.ledger.broadcast(broadcast);
    if (published === undefined) throw new Error(`no broadcast ${broadcast} was published`);
    this.#broadcast = published;
  }

  /** The broadcast that it plays. */
  get broadcast(): PublishedBroadcast {
    return this.#broadcast;
  }

  /** Ends the playing. */
  stop(): void {
    this.#isStopped = true;
    this.#wakePlayer?.();
  }

  /** Plays. Settles when there is nothing more to play here. */
  async follow(): Promise<void> {
    const player = this.#play();
    await this.#reload();
    this.#isStopped ||= this.#next === null;
    if (this.hasEnded) this.#queue.push(async () => false);
    this.#wakePlayer?.();
    await player;
  }

  async #reload(): Promise<void> {
    let failures = 0;
    for (let query = ""; !this.#isStopped; ) {
      const answer = await this.#viewer.get(this.#path + query);
      if (this.#isStopped) return;
      const playlist = answer.status === 200 ? this.#read(answer) : null;
      if (playlist === null) {
        this.#viewer.disturbed(`${this.#path}${query}: ${answer.status}`);
        failures += 1;
        if (isFinal(answer.status) || failures > MAX_FAILURES) return this.stop();
        await this.#pause(answer);
        query = "";
        continue;
      }
      failures = 0;
      this.#checkWaited(query, playlist);
      if (!this.#queueNews(playlist)) return this.stop();
      this.#probe(playlist);
      if (playlist.endList) {
        this.hasEnded = true;
        return;
      }
      query = this.#nextQuery(playlist);
    }
  }

  #read(answer: ViewerAnswer): MediaPlaylist | null {
    const { judge, simulation } = this.#viewer.world;
    const isSame = this.#before?.isolate === answer.isolate;
    const judged = judge.judge(answer.bytes, {
      broadcast: this.#broadcast.config.broadcast,
      track: this.track,
      atMs: simulation.nowMs,
      url: `http://edge.test${this.#path}`,
      before: isSame ? (this.#before?.judged ?? null) : null,
    });
    // A delta update lacks what the rules compare, and so does what came before it.
    this.#before = judged === null || judged.playlist.skipped > 0 ? null : { judged, isolate: answer.isolate };
    return judged?.playlist ?? null;
  }

  /** A blocking reload is answered once the part is there that it asks for. */
  #checkWaited(query: string, playlist: MediaPlaylist): void {
    const asked = /_HLS_msn=(\d+)&_HLS_part=(\d+)/.exec(query);
    if (asked === null || playlist.endList) return;
    const next = nextReloadPosition(playlist);
    const [msn, part] = [Number(asked[1]), Number(asked[2])];
    if (next.msn > msn || (next.msn === msn && next.part > part)) return;
    this.#viewer.world.simulation.fail(
      "rule 36",
      `${this.#path}${query} was answered up to ${next.msn}.${next.part} only`,
    );
  }

  #nextQuery(playlist: MediaPlaylist): string {
    if (this.#viewer.profile.playsSegments) return `?_HLS_msn=${lastClosedSegment(playlist) + 1}`;
    const { msn, part } = nextReloadPosition(playlist);
    const skip = this.#viewer.profile.usesDeltas && playlist.segments.length > 8 ? "&_HLS_skip=YES" : "";
    return `?_HLS_msn=${msn}&_HLS_part=${part}${skip}`;
  }

  /** Queues what is new; false where the player has lost its place. */
  #queueNews(playlist: MediaPlaylist): boolean {
    const { segments, mediaSequence, skipped } = playlist;
    for (const map of mapsOf(playlist)) this.#queueInit(map);
    if (this.#viewer.profile.playsSegments) return this.#queueSegments(playlist);
    if (this.#next === null) {
      // Newcomers begin with the last segment that is listed in parts.
      const first = segments.findLast(({ parts }) => parts.length > 0);
      if (first === undefined) return true;
      this.#next = { msn: first.msn, part: 0 };
    }
    const from: Position = this.#next;
    if (from.msn < mediaSequence + skipped && !segments.some(({ msn }) => msn === from.msn)) {
      this.#viewer.disturbed(`${this.#path}: segment ${from.msn} has left`);
      return false;
    }
    // Segments follow one another.
    for (const segment of segments.slice(Math.max(0, from.msn - (segments[0]?.msn ?? 0)))) {
      const next: Position = this.#next ?? from;
      if (segment.msn > next.msn) return this.#lostPlace(`segment ${segment.msn} follows ${next.msn}.${next.part}`);
      if (segment.parts.length === 0 && segment.uri !== null) {
        if (next.part > 0) return this.#lostPlace(`parts of segment ${segment.msn} have left`);
        if (!segment.gap) this.#queueSegment(segment.msn);
      }
      for (const part of segment.parts.slice(next.part)) if (!part.gap) this.#queuePart(segment.msn, part.uri);
      this.#next =
        segment.uri === null
          ? { msn: segment.msn, part: Math.max(next.part, segment.parts.length) }
          : { msn: segment.msn + 1, part: 0 };
    }
    this.#requestHint(playlist);
    if (this.#queue.length > MAX_QUEUED) return this.#lostPlace("the player is far behind");
    return true;
  }

  /** Queues the closed segments that are new, beginning with the third from the end. */
  #queueSegments({ segments }: MediaPlaylist): boolean {
    const closed = segments.filter(({ uri }) => uri !== null);
    const from: number = this.#next?.msn ?? closed.at(-3)?.msn ?? closed[0]?.msn ?? -1;
    if (from < 0) return true;
    const fresh = closed.filter(({ msn }) => msn >= from);
    this.#next = { msn: from, part: 0 };
    if ((fresh[0]?.msn ?? from) > from) return this.#lostPlace(`segment ${from} has left`);
    for (const { msn, gap } of fresh) {
      if (!gap) this.#queueSegment(msn);
      this.#next = { msn: msn + 1, part: 0 };
    }
    return true;
  }

  /** Now and then something that is listed and was not played is requested, as by a player that seeks. */
  #probe({ segments, skipped }: MediaPlaylist): void {
    const { random } = this.#viewer.process;
    if (skipped > 0 || !random.chance(PROBE_CHANCE)) return;
    // The first may leave the window meanwhile.
    const segment = segments.length > 2 ? random.pick(segments.slice(1)) : undefined;
    if (segment === undefined || segment.gap) return;
    const { msn, parts, uri } = segment;
    const part = parts.length > 0 && random.chance(0.7) ? random.pick(parts) : null;
    const file = part === null ? uri : part.gap ? null : part.uri;
    if (file === null) return;
    void this.#viewer.get(this.#folder + file).then(({ status, bytes }) => {
      if (status !== 200) return this.#viewer.disturbed(`${this.#folder}${file}, listed: ${status}`);
      const index = Number(/\.(\d+)\.m4s$/.exec(file)?.[1]);
      if (part === null) this.#compare(`segment ${msn}`, this.#broadcast.compareSegment(this.track, msn, bytes));
      else this.#compare(`part ${msn}.${index}`, this.#broadcast.comparePart(this.track, msn, index, bytes));
    });
  }

  #lostPlace(why: string): false {
    this.#viewer.disturbed(`${this.#path}: ${why}`);
    return false;
  }

  #requestHint(playlist: MediaPlaylist): void {
    const uri = playlist.hints.find((hint) => hint.get("TYPE") === "PART")?.get("URI");
    if (!this.#viewer.profile.usesHints || uri === undefined || this.#hinted.has(uri)) return;
    this.#hinted.set(uri, this.#viewer.get(this.#folder + uri));
    // A hint of a part that never came is forgotten.
    for (const oldest of this.#hinted.keys()) {
      if (this.#hinted.size <= 4) break;
      this.#hinted.delete(oldest);
    }
  }

  #enqueue(step: () => Promise<boolean>): void {
    this.#queue.push(step);
    this.#wakePlayer?.();
  }

  #queueInit(map: string): void {
    if (this.#inits.has(map)) return;
    this.#inits.add(map);
    const version = Number(/init-(\d+)\.mp4$/.exec(map)?.[1]);
    this.#enqueue(() =>
      this.#fetch(map, (bytes) =>
        this.#compare(`init ${version}`, this.#broadcast.compareInit(this.track, version, bytes)),
      ),
    );
  }

  #queuePart(msn: number, uri: string): void {
    const part = Number(/\.(\d+)\.m4s$/.exec(uri)?.[1]);
    this.#enqueue(() =>
      this.#fetch(uri, (bytes) => {
        this.#compare(`part ${msn}.${part}`, this.#broadcast.comparePart(this.track, msn, part, bytes));
        this.#advance(this.#broadcast.part(this.track, msn, part));
      }),
    );
  }

  #queueSegment(msn: number): void {
    this.#enqueue(() =>
      this.#fetch(`${msn}.m4s`, (bytes) => {
        this.#compare(`segment ${msn}`, this.#broadcast.compareSegment(this.track, msn, bytes));
        this.#advance(this.#broadcast.segment(this.track, msn).at(-1));
      }),
    );
  }

  #compare(what: string, comparison: string): void {
    if (comparison === "same") return;
    const { broadcast } = this.#broadcast.config;
    this.#viewer.world.simulation.fail(
      "bytes",
      `${broadcast}/${this.track} ${what} is ${comparison} at ${this.#viewer.process.place}`,
    );
  }

  #advance(part: PublishedPart | undefined): void {
    if (part === undefined) return;
    const { lastPlayed } = this;
    this.lastPlayed = part;
    if (lastPlayed !== null && part.index <= lastPlayed.index)
      this.#viewer.world.simulation.fail("order", `${this.#path} played part ${part.index} after ${lastPlayed.index}`);
  }

  /** Fetches a file until it is there; false where it is given up. */
  async #fetch(uri: string, take: (bytes: Uint8Array) => void): Promise<boolean> {
    for (let attempt = 0; attempt <= MAX_FAILURES && !this.#isStopped; attempt += 1) {
      const answer = await (this.#hinted.get(uri) ?? this.#viewer.get(this.#folder + uri));
      this.#hinted.delete(uri);
      if (this.#isStopped) return true;
      if (answer.status === 200) {
        take(answer.bytes);
        return true;
      }
      this.#viewer.disturbed(`${this.#folder}${uri}: ${answer.status}`);
      await this.#pause(answer);
    }
    return false;
  }

  async #play(): Promise<void> {
    while (!this.#isStopped) {
      const step = this.#queue.shift();
      if (step === undefined) {
        await new Promise<void>((resolve) => {
          this.#wakePlayer = resolve;
        });
        continue;
      }
      if (!(await step())) this.#isStopped = true;
    }
  }

  #pause({ retryAfterS }: ViewerAnswer): Promise<void> {
    const { random } = this.#viewer.process;
    return this.#viewer.sleep(retryAfterS === null ? random.integer(RETRY_MS.min, RETRY_MS.max) : 1000 * retryAfterS);
  }
}

const knownMaps = new WeakMap<MediaPlaylist, readonly string[]>();

/** The init sections of a playlist, which many viewers read. */
function mapsOf(playlist: MediaPlaylist): readonly string[] {
  const known = knownMaps.get(playlist);
  if (known !== undefined) return known;
  const made = [...new Set(playlist.segments.flatMap(({ map }) => map ?? []))];
  knownMaps.set(playlist, made);
  return made;
}

/** The answer will not change: the broadcast has gone, or the viewer may not watch. */
const isFinal = (status: number): boolean =>
  status === 401 || status === 403 || status === 404 || status === 410 || status === 451;
