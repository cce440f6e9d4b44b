/**
 * Judges every playlist that a viewer gets: by the conformance suite's own rules, alone and beside the one before it, and by
 * what all playlists of the track have said so far, which none may contradict. Equal texts, which most answers have, are
 * judged once.
 */
import type { Exchange, Observation, PlaylistReload, TrackLog } from "../../conformance/model.ts";
import {
  type MediaPlaylist,
  nextReloadPosition,
  type PartTag,
  readMediaPlaylist,
  SegmentMemory,
  type SegmentTag,
} from "../../conformance/playlist-reader.ts";
import { ALL_RULES } from "../../conformance/rules/all.ts";
import type { ConformanceRule } from "../../conformance/rules/observation.ts";
import { SegmentsInContext, trimCommonSegments } from "./playlist-changes.ts";

const rulesOf = (...numbers: readonly number[]): readonly ConformanceRule[] =>
  ALL_RULES.filter(({ rule }) => numbers.includes(rule));
/** Rules that a playlist alone is evidence of, and two that followed each other; the others need probes, media or times. */
const PLAYLIST_RULES = rulesOf(1, 2, 3, 7, 8, 9, 12, 13, 14, 15, 18, 22, 25);
/** These look at all segments together; to the others, those that are new and the one before them are enough. */
const WINDOW_RULES = rulesOf(17, 24);
const PAIR_RULES = rulesOf(4, 6, 7, 16, 19, 22, 55);
/** What was hinted may have come and left again while a viewer waited for an answer. */
const RULES_WITHOUT_FAULTS: ReadonlySet<number> = new Set([19]);

/** A loss of the authority has reached every viewer after this: a partition, nodes above each other that hide it, a request. */
const LOSS_REACHES_MS = 45_000;

/** Texts and pairs that are remembered as judged. */
const MAX_REMEMBERED = 4_096;

/** A playlist that was read and judged. */
export interface JudgedPlaylist {
  readonly id: number;
  readonly playlist: MediaPlaylist;
}

/** Where a playlist was got. */
export interface PlaylistSighting {
  readonly broadcast: string;
  readonly track: string;
  readonly atMs: number;
  /** Address, for rules that resolve others against it. */
  readonly url: string;
  /** The playlist that the same viewer got before from the same isolate, or null. */
  readonly before: JudgedPlaylist | null;
}

/** What all playlists of a track have said. */
interface TrackRecord {
  readonly segments: Map<number, string>;
  readonly parts: Map<string, PartTag>;
  /** Segments of full playlists that were compared with those. */
  readonly compared: WeakSet<SegmentTag>;
  readonly judged: Map<string, JudgedPlaylist>;
  readonly memory: SegmentMemory;
  readonly inContext: SegmentsInContext;
  readonly log: TrackLog;
}

/** Whether the segment that was in progress is closed with fewer parts than it had. */
function hasLostParts(was: MediaPlaylist, now: MediaPlaylist): boolean {
  const shown = was.segments.at(-1);
  const kept = now.segments.find(({ msn }) => msn === shown?.msn);
  return shown !== undefined && kept !== undefined && kept.parts.length > 0 && kept.parts.length < shown.parts.length;
}

const decoder = new TextDecoder();

/** The judge of one run. */
export class PlaylistJudge {
  readonly #fail: (checker: string, message: string) => void;
  readonly #tracks = new Map<string, TrackRecord>();
  readonly #byBytes = new WeakMap<Uint8Array, JudgedPlaylist>();
  readonly #pairs = new Set<string>();
  #ids = 0;
  /** Playlists that differed from all others, and pairs of them. */
  judgedPlaylists = 0;
  judgedPairs = 0;

  #isFaulty = false;

  readonly #shownLossMs: (sighting: PlaylistSighting, hasEnded: boolean) => number | null;

  /**
   * `shownLossMs`: the time since the authority itself has lost what was shown, if either the time is over for which that is
   * hidden, or the broadcast has ended, so that nobody sends it again; else null.
   */
  constructor(
    fail: (checker: string, message: string) => void,
    shownLossMs: (sighting: PlaylistSighting, hasEnded: boolean) => number | null,
  ) {
    this.#fail = fail;
    this.#shownLossMs = shownLossMs;
  }

  /** Faults have begun. */
  allowFaults(): void {
    this.#isFaulty = true;
  }

  /** Reads and judges a playlist; null where the bytes are none. */
  judge(bytes: Uint8Array, sighting: PlaylistSighting): JudgedPlaylist | null {
    const known = this.#byBytes.get(bytes);
    const judged = known ?? this.#judgeText(bytes, sighting);
    if (judged === null) return null;
    if (known === undefined) this.#byBytes.set(bytes, judged);
    if (sighting.before !== null && sighting.before.id !== judged.id)
      this.#judgePair(sighting.before, judged, sighting);
    return judged;
  }

  #judgeText(bytes: Uint8Array, sighting: PlaylistSighting): JudgedPlaylist | null {
    const record = this.#recordOf(sighting);
    const text = decoder.decode(bytes);
    const known = record.judged.get(text);
    if (known !== undefined) return known;
    const playlist = readMediaPlaylist(text, record.memory);
    if (playlist === null) {
      this.#fail("playlist", `${sighting.url} is no media playlist: ${text.slice(0, 80)}`);
      return null;
    }
    this.#ids += 1;
    const judged = { id: this.#ids, playlist };
    record.judged.set(text, judged);
    for (const oldest of record.judged.keys()) {
      if (record.judged.size <= MAX_REMEMBERED / 16) break;
      record.judged.delete(oldest);
    }
    this.judgedPlaylists += 1;
    this.#applyRules(WINDOW_RULES, [playlist], record.log, sighting);
    const news = { ...playlist, segments: record.inContext.takeNew(playlist) };
    this.#applyRules(PLAYLIST_RULES, [news], record.log, sighting);
    this.#compareWithRecord(record, playlist, sighting);
    return judged;
  }

  #judgePair(before: JudgedPlaylist, now: JudgedPlaylist, sighting: PlaylistSighting): void {
    const key = `${before.id} ${now.id}`;
    if (this.#pairs.has(key)) return;
    this.#pairs.add(key);
    if (this.#pairs.size > MAX_REMEMBERED) this.#pairs.clear();
    this.judgedPairs += 1;
    const [was, is] = [nextReloadPosition(before.playlist), nextReloadPosition(now.playlist)];
    const where = `${sighting.broadcast}/${sighting.track}`;
    const isEarlier = is.msn < was.msn || (is.msn === was.msn && is.part < was.part);
    // A window whose last segment lost its end is shorter, and reaches further back; if it ends there, that segment is closed.
    const isShorter = isEarlier || hasLostParts(before.playlist, now.playlist);
    if (isShorter || now.playlist.mediaSequence < before.playlist.mediaSequence) {
      const lossMs = this.#shownLossMs(sighting, now.playlist.endList);
      if (lossMs !== null && lossMs <= LOSS_REACHES_MS) return;
    }
    if (isEarlier) this.#fail("playlist", `${where} went back from ${was.msn}.${was.part} to ${is.msn}.${is.part}`);
    const changes = trimCommonSegments(before.playlist, now.playlist);
    this.#applyRules(PAIR_RULES, changes, this.#recordOf(sighting).log, sighting);
    if (before.playlist.endList && !now.playlist.endList) this.#fail("playlist", `${where} ended, and then went on`);
  }

  #applyRules(
    rules: readonly ConformanceRule[],
    playlists: readonly MediaPlaylist[],
    log: TrackLog,
    { url, atMs }: PlaylistSighting,
  ): void {
    const reloads = playlists.map((playlist) => reloadOf(playlist, url, atMs));
    log.reloads.splice(0, log.reloads.length, ...reloads);
    const seen = observationOf(log, url);
    for (const { rule, title, check } of rules) {
      if (this.#isFaulty && RULES_WITHOUT_FAULTS.has(rule)) continue;
      const { status, evidence } = check(seen);
      if (status === "broken") this.#fail(`rule ${rule}`, `${title}: ${evidence}`);
    }
  }

  /** No playlist says something else of a segment or part than another one said. */
  #compareWithRecord(record: TrackRecord, playlist: MediaPlaylist, sighting: PlaylistSighting): void {
    const { broadcast, track } = sighting;
    for (const segment of playlist.segments) {
      if (record.compared.has(segment)) continue;
      const { msn, uri, parts, durationS, gap, discontinuity, discontinuitySequence, map, pdtMs } = segment;
      // A delta update doesn't say which map and which discontinuities apply.
      if (playlist.skipped === 0) {
        record.compared.add(segment);
        const said = JSON.stringify([uri, durationS, gap, discontinuity, discontinuitySequence, map, pdtMs]);
        // A segment that lost its end, which nobody sends again, is closed as it stands.
        const mayDiffer = (): boolean => this.#shownLossMs(sighting, playlist.endList) !== null;
        if (uri !== null) this.#compare(record.segments, msn, said, `${broadcast}/${track}: segment ${msn}`, mayDiffer);
      }
      for (const [index, part] of parts.entries()) {
        const name = `${msn}.${index}`;
        const before = record.parts.get(name);
        record.parts.set(name, part);
        // Equal parts are one object, while they are remembered.
        if (before === undefined || before === part) continue;
        const [was, is] = [JSON.stringify(before), JSON.stringify(part)];
        if (was !== is) this.#fail("playlist", `${broadcast}/${track}: part ${name} was ${was} and is ${is}`);
      }
    }
    for (const msn of record.segments.keys()) {
      if (msn >= playlist.mediaSequence - 100) break;
      record.segments.delete(msn);
    }
    for (const name of record.parts.keys()) {
      if (Number.parseInt(name, 10) >= playlist.mediaSequence - 100) break;
      record.parts.delete(name);
    }
  }

  #compare<Name>(record: Map<Name, string>, name: Name, said: string, what: string, mayDiffer: () => boolean): void {
    const before = record.get(name);
    record.set(name, said);
    if (before !== undefined && before !== said && !mayDiffer())
      this.#fail("playlist", `${what} was ${before} and is ${said}`);
  }

  #recordOf({ broadcast, track, url }: PlaylistSighting): TrackRecord {
    const key = `${broadcast}/${track}`;
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const made: TrackRecord = {
      segments: new Map(),
      parts: new Map(),
      compared: new WeakSet(),
      judged: new Map(),
      memory: new SegmentMemory(),
      inContext: new SegmentsInContext(),
      log: createLog(url),
    };
    this.#tracks.set(key, made);
    return made;
  }
}

const NO_BYTES = new Uint8Array(0);

const exchangeOf = (url: string, atMs: number): Exchange => ({
  url,
  sentMs: atMs,
  firstByteMs: atMs,
  doneMs: atMs,
  status: 200,
  headers: {},
  body: NO_BYTES,
});

const reloadOf = (playlist: MediaPlaylist, url: string, atMs: number): PlaylistReload => ({
  directives: {},
  exchange: exchangeOf(url, atMs),
  playlist,
});

const createLog = (url: string): TrackLog => ({
  url,
  kind: "video",
  reloads: [],
  deltas: [],
  media: new Map(),
  inits: new Map(),
  removedMs: new Map(),
  fetchesAfterRemoval: [],
  failures: [],
});

function observationOf(track: TrackLog, url: string): Observation {
  return {
    url,
    multivariant: { text: "", versions: [], variants: [], renditions: [], iframes: [] },
    multivariantExchange: exchangeOf(url, 0),
    tracks: [track],
    iframes: [],
    probes: [],
    tls: null,
    expectEnd: false,
    seconds: 0,
  };
}
