/** The streams of one directory object, in memory: which are live, announced or recorded, and in which order. */
import { BoundedMap } from "../kit/bounded-map.ts";
import type { StreamName } from "../kit/ids.ts";
import type { DirectoryCard, DirectoryListing, ListedStream } from "./directory-card.ts";
import { DIRECTORY_LIMITS } from "./directory-limits.ts";
import { nextScheduled } from "./stream-details.ts";

/** A stream with the time of its last sign of life. */
interface IndexedStream {
  readonly stream: StreamName;
  revision: number;
  card: DirectoryCard;
  /** By the monotonic clock. */
  renewedMs: number;
  viewers: number;
}

/** The time: wall clock for announced and ended broadcasts, monotonic for leases, since wall clocks jump. */
export interface IndexTime {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** The index. */
export class DirectoryIndex {
  readonly #streams = new Map<StreamName, IndexedStream>();
  readonly #removed = new BoundedMap<StreamName, number>(DIRECTORY_LIMITS.removedStreams);

  /** Streams, listed or not. */
  get size(): number {
    return this.#streams.size;
  }

  /** Takes a card; null removes the stream. The stream that leaves for it, too; false: it is older than the known one. */
  put(
    stream: StreamName,
    revision: number,
    card: DirectoryCard | null,
    { monotonicMs }: IndexTime,
  ): { readonly evicted: StreamName | null } | false {
    const known = this.#streams.get(stream);
    if (revision < (known?.revision ?? this.#removed.get(stream) ?? 0)) return false;
    if (card === null) {
      this.#removed.set(stream, revision);
      this.#streams.delete(stream);
      return { evicted: null };
    }
    const evicted =
      known === undefined && this.#streams.size >= DIRECTORY_LIMITS.streamsPerShard ? this.#evict() : null;
    this.#removed.delete(stream);
    this.#streams.set(stream, { stream, revision, card, renewedMs: monotonicMs, viewers: card.live?.viewers ?? 0 });
    return { evicted };
  }

  /** A live stream's sign of life; false if this revision of it is not known. */
  renew(stream: StreamName, revision: number, viewers: number, { monotonicMs }: IndexTime): boolean {
    const known = this.#streams.get(stream);
    // A renewal that a removal or an end has overtaken must not make the sender send its card.
    if (known === undefined) return (this.#removed.get(stream) ?? -1) > revision;
    if (known.revision !== revision) return known.revision > revision;
    known.renewedMs = monotonicMs;
    known.viewers = viewers;
    return true;
  }

  /** The lists, each with its bound. */
  list(time: IndexTime): DirectoryListing {
    const live: ListedStream[] = [];
    const upcoming: ListedStream[] = [];
    const replays: ListedStream[] = [];
    for (const indexed of this.#streams.values()) {
      const place = placeOf(indexed, time);
      if (place === null) continue;
      const list = { live, upcoming, replays }[place.list];
      list.push(toListed(indexed, place.atMs));
    }
    return {
      live: live.sort(byViewers).slice(0, DIRECTORY_LIMITS.livePerShard),
      upcoming: upcoming.sort(byTime).slice(0, DIRECTORY_LIMITS.upcomingPerShard),
      replays: replays.sort(byLatest).slice(0, DIRECTORY_LIMITS.replaysPerShard),
    };
  }

  /** Removes the streams that are in no list any more, and returns their names. */
  sweep(time: IndexTime): StreamName[] {
    const over = [...this.#streams.values()].filter((indexed) => placeOf(indexed, time) === null);
    for (const { stream } of over) this.#streams.delete(stream);
    return over.map(({ stream }) => stream);
  }

  /** Makes room: the stream that ended first leaves, else one that is only announced, else the one that was renewed first. */
  #evict(): StreamName | null {
    let leaving: IndexedStream | null = null;
    for (const indexed of this.#streams.values()) {
      if (leaving === null || evictionRank(indexed) < evictionRank(leaving)) leaving = indexed;
    }
    if (leaving !== null) this.#streams.delete(leaving.stream);
    return leaving?.stream ?? null;
  }
}

/** Ended broadcasts first, by their ends; live ones last. */
function evictionRank({ card, renewedMs }: IndexedStream): number {
  if (card.live !== null) return 4e15 + renewedMs;
  return card.endedMs ?? 3e15;
}

type Place = { readonly list: keyof DirectoryListing; readonly atMs: number };

/** The list that a stream is in, and its time there; null: in none. */
function placeOf({ card, renewedMs }: IndexedStream, { nowMs, monotonicMs }: IndexTime): Place | null {
  if (card.live !== null) {
    if (monotonicMs - renewedMs <= DIRECTORY_LIMITS.leaseMs) return { list: "live", atMs: card.live.startedMs };
    // Its Live object is gone, and with it what the recording has become.
  } else {
    const next = nextScheduled(card, nowMs);
    const startsMs = next === null ? Number.POSITIVE_INFINITY : Date.parse(next.startsAt);
    if (startsMs - nowMs <= DIRECTORY_LIMITS.upcomingMs) return { list: "upcoming", atMs: startsMs };
    if (card.endedMs !== null && nowMs - card.endedMs <= DIRECTORY_LIMITS.replayMs) {
      return { list: "replays", atMs: card.endedMs };
    }
  }
  return null;
}

function toListed({ stream, card, viewers }: IndexedStream, atMs: number): ListedStream {
  const { title, host, tags, language, images, playback } = card;
  return { stream, title, host, tags, language, images, playback, viewers: card.live === null ? 0 : viewers, atMs };
}

/** The most viewers first; equal ones by name, so that pages do not overlap. */
export const byViewers = (a: ListedStream, b: ListedStream): number => b.viewers - a.viewers || byName(a, b);
export const byTime = (a: ListedStream, b: ListedStream): number => a.atMs - b.atMs || byName(a, b);
export const byLatest = (a: ListedStream, b: ListedStream): number => b.atMs - a.atMs || byName(a, b);
const byName = (a: ListedStream, b: ListedStream): number => (a.stream < b.stream ? -1 : Number(a.stream > b.stream));
