/** Follows one media playlist as a low-latency player does: blocking reloads, hinted parts, segments, init sections. */

import type { CheckerClient } from "./client.ts";
import { isFragmentedMp4, readFragmentFacts, readInitFacts } from "./media-facts.ts";
import type { MediaFetch, PlaylistReload, ReloadDirectives, TrackLog } from "./model.ts";
import { type MediaPlaylist, nextReloadPosition, readMediaPlaylist, type SegmentTag } from "./playlist-reader.ts";

/** A followed playlist: its log, and its newest state for probes that run meanwhile. */
export interface PlaylistFollower {
  readonly log: TrackLog;
  /** The newest full playlist. */
  latest(): MediaPlaylist | null;
  /** The next playlist that `fits`, or null after `timeoutMs`. */
  waitFor(fits: (playlist: MediaPlaylist) => boolean, timeoutMs: number): Promise<MediaPlaylist | null>;
  /** Ends with the run or with the broadcast. */
  run(untilMs: number): Promise<void>;
}

/** One in this many reloads also requests a delta update. */
const DELTA_EVERY = 4;
/** Consecutive failed reloads after which a playlist is abandoned. */
const GIVE_UP_AFTER = 8;

const decoder = new TextDecoder();

/** Requests a playlist with directives; `timeoutMs` bounds the wait. */
export async function requestPlaylist(
  client: CheckerClient,
  url: string,
  asked: ReloadDirectives,
  timeoutMs: number,
): Promise<PlaylistReload> {
  const address = new URL(url);
  if (asked.msn !== undefined) address.searchParams.set("_HLS_msn", String(asked.msn));
  if (asked.part !== undefined) address.searchParams.set("_HLS_part", String(asked.part));
  if (asked.skip !== undefined) address.searchParams.set("_HLS_skip", asked.skip);
  const exchange = await client.get(address.href, timeoutMs);
  const playlist = exchange.status === 200 ? readMediaPlaylist(decoder.decode(exchange.body)) : null;
  return { directives: asked, exchange, playlist };
}

/** Timeout of a blocking request: beyond the server's own 3 × TD. */
export const blockingTimeoutMs = (targetDuration: number): number => 3000 * targetDuration + 2000;

/** Prepares to follow `url`; nothing is requested before `run`. */
export function createFollower(client: CheckerClient, url: string, kind: TrackLog["kind"]): PlaylistFollower {
  const log: TrackLog = {
    url,
    kind,
    reloads: [],
    deltas: [],
    media: new Map(),
    inits: new Map(),
    removedMs: new Map(),
    fetchesAfterRemoval: [],
    failures: [],
  };
  const pending: Promise<void>[] = [];
  const watchers = new Set<(playlist: MediaPlaylist) => void>();
  let latest: MediaPlaylist | null = null;
  /** Media before the last two segments of the first playlist is not fetched. */
  let firstMsn = 0;
  const resolve = (uri: string): string => new URL(uri, url).href;

  async function fetchMedia(kind: MediaFetch["kind"], uri: string, msn: number, hinted: boolean, map: string | null) {
    const key = resolve(uri);
    if (log.media.has(key)) return;
    const target = latest?.targetDuration ?? 6;
    // Reserved at once, so that a part that is hinted and then listed is requested once.
    const reserved = { uri: key, kind, hinted, msn, byteLength: 0, fragment: null };
    const empty = {
      url: key,
      sentMs: client.nowMs(),
      firstByteMs: 0,
      doneMs: 0,
      status: 0,
      headers: {},
      body: new Uint8Array(),
    };
    log.media.set(key, { ...reserved, exchange: { ...empty, failure: "unfinished" } });
    const exchange = await client.get(key, blockingTimeoutMs(target));
    if (kind === "init") {
      const facts = readInitFacts(exchange.body);
      if (facts !== null) log.inits.set(key, facts);
    }
    const init = log.inits.get(resolve(map ?? "")) ?? [...log.inits.values()].at(-1);
    const readable = kind !== "init" && init !== undefined && isFragmentedMp4(exchange.body);
    const fragment = readable ? readFragmentFacts(exchange.body, init) : null;
    const short = { ...exchange, body: exchange.body.subarray(0, 16).slice() };
    log.media.set(key, { ...reserved, byteLength: exchange.body.byteLength, fragment, exchange: short });
  }

  async function fetchInit(map: string): Promise<void> {
    if (!log.media.has(resolve(map))) await fetchMedia("init", map, -1, false, map);
  }

  /** Fetches new media, and records removed media. */
  async function onPlaylist(playlist: MediaPlaylist): Promise<void> {
    const before = latest;
    latest = playlist;
    for (const watcher of watchers) watcher(playlist);
    if (before !== null) recordRemovals(before, playlist);
    for (const map of new Set(playlist.segments.map((segment) => segment.map))) if (map !== null) await fetchInit(map);
    if (before === null) firstMsn = playlist.segments.at(-2)?.msn ?? 0;
    for (const segment of playlist.segments) fetchSegment(segment);
    const hint = playlist.hints.find((one) => one.get("TYPE") === "PART")?.get("URI");
    const { msn } = nextReloadPosition(playlist);
    const map = playlist.segments.at(-1)?.map ?? null;
    if (hint !== undefined) pending.push(fetchMedia("part", hint, msn, true, map));
  }

  function fetchSegment(segment: SegmentTag): void {
    if (segment.msn < firstMsn) return;
    for (const part of segment.parts) {
      if (!part.gap && part.byterange === undefined && part.uri !== "") {
        pending.push(fetchMedia("part", part.uri, segment.msn, false, segment.map));
      }
    }
    const wanted = segment.uri !== null && !segment.gap && segment.byterange === null;
    if (wanted && segment.uri !== null)
      pending.push(fetchMedia("segment", segment.uri, segment.msn, false, segment.map));
  }

  function recordRemovals(before: MediaPlaylist, now: MediaPlaylist): void {
    const at = client.nowMs();
    const parts = new Set(now.segments.flatMap((segment) => segment.parts.map((part) => part.uri)));
    for (const segment of before.segments) {
      for (const part of segment.parts) {
        if (!parts.has(part.uri) && !part.gap) log.removedMs.set(`part ${resolve(part.uri)}`, at);
      }
      if (segment.uri !== null && !segment.gap && segment.msn < now.mediaSequence) {
        log.removedMs.set(`segment ${resolve(segment.uri)}`, at);
      }
    }
  }

  /** §6.2.2: media removed less than three target durations ago must still be available. */
  async function fetchRemoved(): Promise<void> {
    const target = latest?.targetDuration ?? 6;
    const recent = [...log.removedMs].filter(([, at]) => client.nowMs() - at < 2900 * target);
    for (const kind of ["part", "segment"] as const) {
      const oldest = recent.find(([name]) => name.startsWith(kind));
      if (oldest === undefined) continue;
      const uri = oldest[0].slice(kind.length + 1);
      log.fetchesAfterRemoval.push({ uri, kind, exchange: await client.get(uri, blockingTimeoutMs(target)) });
    }
  }

  async function reloadWithDelta(
    before: MediaPlaylist,
    asked: ReloadDirectives,
    count: number,
  ): Promise<PlaylistReload> {
    const offered = before.serverControl?.has("CAN-SKIP-UNTIL") === true;
    const full = requestPlaylist(client, url, asked, blockingTimeoutMs(before.targetDuration));
    if (offered && count % DELTA_EVERY === 0) {
      const delta = await requestPlaylist(
        client,
        url,
        { ...asked, skip: "YES" },
        blockingTimeoutMs(before.targetDuration),
      );
      log.deltas.push({ before, full: await full, delta });
    }
    return full;
  }

  async function run(untilMs: number): Promise<void> {
    const first = await requestPlaylist(client, url, {}, 10_000);
    log.reloads.push(first);
    if (first.playlist === null) {
      log.failures.push(`${url}: ${first.exchange.failure ?? `status ${first.exchange.status}, or no media playlist`}`);
      return;
    }
    await onPlaylist(first.playlist);
    let failed = 0;
    for (
      let count = 1;
      client.nowMs() < untilMs && latest !== null && !latest.endList && failed < GIVE_UP_AFTER;
      count++
    ) {
      const before: MediaPlaylist = latest;
      const blocking = before.serverControl?.get("CAN-BLOCK-RELOAD") === "YES";
      const next = nextReloadPosition(before);
      const asked = blocking ? (before.partTarget === null ? { msn: next.msn } : next) : {};
      const got = await reloadWithDelta(before, asked, count);
      log.reloads.push(got);
      if (got.playlist === null) {
        failed += 1;
        log.failures.push(`${got.exchange.url}: ${got.exchange.failure ?? `status ${got.exchange.status}`}`);
        await client.sleep(200);
        continue;
      }
      failed = 0;
      await onPlaylist(got.playlist);
      if (!blocking) await client.sleep(500 * (before.partTarget ?? before.targetDuration));
      // A server that answers a blocking reload without new media must not be polled in a busy loop.
      else if (got.playlist.text === before.text) await client.sleep(50);
    }
    await fetchRemoved();
    // The hinted part at the end of the run may never arrive.
    await Promise.race([Promise.all(pending), client.sleep(1000 * (latest?.partTarget ?? 1) + 500)]);
  }

  return {
    log,
    latest: () => latest,
    run,
    waitFor: (fits, timeoutMs) => {
      if (latest !== null && fits(latest)) return Promise.resolve(latest);
      return new Promise((settle) => {
        const cancel = client.clock.startTimer(timeoutMs, () => done(null));
        const watcher = (playlist: MediaPlaylist) => fits(playlist) && done(playlist);
        const done = (playlist: MediaPlaylist | null) => {
          cancel();
          watchers.delete(watcher);
          settle(playlist);
        };
        watchers.add(watcher);
      });
    },
  };
}
