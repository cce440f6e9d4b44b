/** A viewer's view of a stream: the media playlist of its first video track, read again and again. */
import { performance } from "node:perf_hooks";

/** One reading that differed from the one before. */
export interface PlaylistReading {
  /** `performance.now` of the answer. */
  readonly atMs: number;
  /** The last part, `msn.part`; null in a playlist without parts. */
  readonly lastPart: string | null;
  /** Media sequence numbers of the first whole segment, and after the last. */
  readonly firstSegment: number;
  readonly nextSegment: number;
  /** Parts in it that are gaps. */
  readonly gaps: number;
  /** Discontinuities since the broadcast's start. */
  readonly discontinuities: number;
}

const READ_EVERY_MS = 20;

/** The media playlist of the first video track, and the broadcast that it is of. */
export interface ViewerTarget {
  readonly playlist: string;
  readonly broadcast: string;
}

/** Finds the first video track once the stream is live. Throws after `ms`. */
export async function findTarget(base: string, ms = 20_000): Promise<ViewerTarget> {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; await sleep(READ_EVERY_MS)) {
    const answer = await fetch(`${base}/multivariant.m3u8`);
    const media = /^\S+media\.m3u8$/m.exec(answer.ok ? await answer.text() : "")?.[0];
    if (media === undefined) continue;
    const playlist = new URL(media, `${base}/`).href;
    return { playlist, broadcast: playlist.split("/").at(-3) ?? "" };
  }
  throw new Error(`${base} is not live`);
}

/** Reads the playlist until `stop` aborts. */
export async function watchPlaylist({ playlist }: ViewerTarget, stop: AbortSignal): Promise<PlaylistReading[]> {
  const readings: PlaylistReading[] = [];
  for (; !stop.aborted; await sleep(READ_EVERY_MS)) {
    const answer = await fetch(playlist);
    if (!answer.ok) continue;
    const reading = readPlaylist(await answer.text());
    const last = readings.at(-1);
    if (last?.lastPart !== reading.lastPart) readings.push(reading);
  }
  return readings;
}

/** Waits until a part with media can be fetched, fetches it, and returns the time. */
export async function awaitFirstPart(target: ViewerTarget, ms = 20_000): Promise<number> {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; await sleep(5)) {
    const part = /#EXT-X-PART:(?![^\n]*GAP=YES)[^\n]*URI="([^"]+)"/.exec(
      await (await fetch(target.playlist)).text(),
    )?.[1];
    if (part === undefined) continue;
    const answer = await fetch(new URL(part, target.playlist));
    await answer.arrayBuffer();
    if (answer.ok) return performance.now();
  }
  throw new Error(`${target.playlist} has no part`);
}

/** Longest time between two readings with a new last part, milliseconds. */
export function longestPauseMs(readings: readonly PlaylistReading[]): number {
  return Math.max(...readings.slice(1).map(({ atMs }, i) => atMs - (readings[i]?.atMs ?? 0)));
}

/** Times at which the playlist went back, or had nothing of what it had before. */
export function breaksOf(readings: readonly PlaylistReading[]): number {
  return readings.slice(1).filter((reading, i) => {
    const before = readings[i];
    if (before === undefined) return false;
    return reading.nextSegment < before.nextSegment || reading.firstSegment > before.nextSegment;
  }).length;
}

function readPlaylist(text: string): PlaylistReading {
  const parts = [...text.matchAll(/#EXT-X-PART:([^\n]*)/g)].map(([, attributes = ""]) => attributes);
  const uri = /URI="([^"]+)"/.exec(parts.at(-1) ?? "")?.[1] ?? null;
  const segments = text.match(/^#EXTINF/gm)?.length ?? 0;
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  return {
    atMs: performance.now(),
    lastPart: uri === null ? null : `${first + segments}/${uri}`,
    firstSegment: first,
    nextSegment: first + segments,
    discontinuities:
      Number(/#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0) +
      (text.match(/^#EXT-X-DISCONTINUITY$/gm)?.length ?? 0),
    gaps: parts.filter((attributes) => attributes.includes("GAP=YES")).length,
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
