/** What the Live object keeps in SQLite: stream keys' hashes, broadcasts, init sections, the index of stored segments. */
import { LIMITS } from "../../protocol/broadcast/limits.ts";
import type { BroadcastConfig, SegmentState, Track, TrackState } from "../../protocol/broadcast/log.ts";
import { extendPast, NO_PAST, PACK_SEGMENTS, type Pack, packLength, pastOf } from "../../protocol/broadcast/past.ts";
import { Replica } from "../../protocol/broadcast/replica.ts";
import type { Tail } from "../../protocol/broadcast/tail.ts";
import { MIN_SEGMENTS, settle, slide } from "../../protocol/broadcast/window.ts";
import type { BroadcastId, TrackName } from "../../protocol/ids.ts";
import type { BroadcastSummary } from "../../protocol/status.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (hash TEXT PRIMARY KEY, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS broadcasts (
  id TEXT PRIMARY KEY, config TEXT NOT NULL, publisher TEXT NOT NULL, opened_ms INTEGER NOT NULL, ended_ms INTEGER,
  sequence INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS inits (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, version));
CREATE TABLE IF NOT EXISTS segments (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, msn INTEGER NOT NULL, discontinuity INTEGER NOT NULL,
  duration_ticks INTEGER NOT NULL, segment TEXT NOT NULL,
  PRIMARY KEY (broadcast, track, msn)) WITHOUT ROWID;
`;

/** Of segments that are listed already: what a long window is restored from. Every object has it that knows sequences. */
const PACKS = `
CREATE TABLE IF NOT EXISTS packs (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, first INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, first)) WITHOUT ROWID;
`;

const MIGRATION = "ALTER TABLE broadcasts ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;";
/** Versions of this program that don't count broadcasts have them in the order in which they came, and may come back. */
const NUMBERING = "UPDATE broadcasts SET sequence = rowid WHERE sequence = 0;";

/** A broadcast as the table of broadcasts has it. */
export interface BroadcastRow {
  readonly config: BroadcastConfig;
  readonly publisher: string;
  readonly ended: boolean;
}

/** Typed access to one stream's SQLite. A stream that was never written to has no tables, so a stray name costs nothing. */
export class Store {
  readonly #sql: SqlStorage;
  #ready: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#ready = this.#hasTable("segments");
    if (!this.#ready) return;
    if (!this.#hasTable("packs")) sql.exec(MIGRATION + PACKS);
    sql.exec(NUMBERING);
  }

  /** Whether a key with this hash was issued for the stream. */
  hasKey(hash: string): boolean {
    return this.#ready && this.#sql.exec("SELECT 1 FROM keys WHERE hash = ?", hash).toArray().length > 0;
  }

  /** Keeps the hash of a stream key. */
  addKey(hash: string, nowMs: number): void {
    this.#create();
    this.#sql.exec("INSERT OR IGNORE INTO keys (hash, created_ms) VALUES (?, ?)", hash, nowMs);
  }

  /** Hashes of the latest keys, at most `most`. */
  keyHashes(most: number): string[] {
    if (!this.#ready) return [];
    const rows = this.#sql.exec<{ hash: string }>("SELECT hash FROM keys ORDER BY created_ms DESC LIMIT ?", most);
    return rows.toArray().map(({ hash }) => hash);
  }

  /** Forgets every key, so that none opens the stream any more. */
  removeKeys(): void {
    if (this.#ready) this.#sql.exec("DELETE FROM keys");
  }

  /** Keeps a broadcast that opens now. */
  addBroadcast(config: BroadcastConfig, publisher: string, nowMs: number): void {
    this.#create();
    this.#sql.exec(
      `INSERT INTO broadcasts (id, config, publisher, opened_ms, sequence)
         VALUES (?, ?, ?, ?, (SELECT COALESCE(MAX(sequence), 0) + 1 FROM broadcasts))`,
      config.broadcast,
      JSON.stringify(config),
      publisher,
      nowMs,
    );
  }

  /** Another process publishes this broadcast from now on; nobody, where it is empty. */
  setPublisher(id: BroadcastId, publisher: string): void {
    this.#sql.exec("UPDATE broadcasts SET publisher = ? WHERE id = ?", publisher, id);
  }

  /** Marks a broadcast as over. */
  endBroadcast(id: BroadcastId, nowMs: number): void {
    this.#sql.exec("UPDATE broadcasts SET ended_ms = ? WHERE id = ? AND ended_ms IS NULL", nowMs, id);
  }

  /** When a broadcast ended, milliseconds since the epoch; null if it didn't, or isn't known. */
  endedMs(id: BroadcastId): number | null {
    if (!this.#ready) return null;
    return (
      this.#sql.exec<{ ended_ms: number | null }>("SELECT ended_ms FROM broadcasts WHERE id = ?", id).toArray()[0]
        ?.ended_ms ?? null
    );
  }

  /** Ids of all broadcasts. */
  broadcastIds(): BroadcastId[] {
    if (!this.#ready) return [];
    const rows = this.#sql.exec<{ id: string }>("SELECT id FROM broadcasts").toArray();
    return rows.map(({ id }) => id as BroadcastId);
  }

  /** One broadcast, or null. */
  broadcast(id: BroadcastId): BroadcastRow | null {
    return this.#broadcast("WHERE id = ?", id);
  }

  /** The broadcast that opened last, or null. Clocks jump, so broadcasts are counted. */
  latestBroadcast(): BroadcastRow | null {
    return this.#broadcast("ORDER BY sequence DESC LIMIT 1");
  }

  /** The stream's broadcasts, the one that opened last first. */
  broadcasts(most: number): BroadcastSummary[] {
    if (!this.#ready) return [];
    const rows = this.#sql.exec<{ config: string; ended_ms: number | null }>(
      "SELECT config, ended_ms FROM broadcasts ORDER BY sequence DESC LIMIT ?",
      most,
    );
    return [...rows].map((row) => {
      const { broadcast, startedAtMs, tracks } = JSON.parse(row.config) as BroadcastConfig;
      const named = tracks.map(({ name, kind }) => ({ name, kind }));
      return { broadcast, startedAt: startedAtMs, endedAt: row.ended_ms, tracks: named };
    });
  }

  /** Keeps an init section. */
  addInit(id: BroadcastId, track: TrackName, version: number, bytes: Uint8Array): void {
    this.#sql.exec("INSERT OR REPLACE INTO inits VALUES (?, ?, ?, ?)", id, track, version, bytes);
  }

  /** Lists a segment whose bytes are stored. */
  addSegment(id: BroadcastId, track: TrackName, segment: SegmentState): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)",
      id,
      track,
      segment.msn,
      segment.start.discontinuity ? 1 : 0,
      segment.durationTicks,
      JSON.stringify({ ...segment, durable: true }),
    );
    if ((segment.msn + 1) % PACK_SEGMENTS === 0) this.#pack(id, track, segment.msn + 1 - PACK_SEGMENTS);
  }

  /** An init section of any broadcast, or null. */
  init(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    if (!this.#ready) return null;
    const rows = this.#sql.exec<{ bytes: ArrayBuffer }>(
      "SELECT bytes FROM inits WHERE broadcast = ? AND track = ? AND version = ?",
      id,
      track,
      version,
    );
    const [row] = rows.toArray();
    return row === undefined ? null : new Uint8Array(row.bytes);
  }

  /** Up to `most` listed segments of a track from `msn` on, in order. */
  segments(id: BroadcastId, track: TrackName, msn: number, most: number): SegmentState[] {
    return [
      ...this.#segments("WHERE broadcast = ? AND track = ? AND msn >= ? ORDER BY msn LIMIT ?", id, track, msn, most),
    ];
  }

  /** Versions of a track's init sections. */
  initVersions(id: BroadcastId, track: TrackName): number[] {
    return this.#sql
      .exec<{ version: number }>("SELECT version FROM inits WHERE broadcast = ? AND track = ?", id, track)
      .toArray()
      .map(({ version }) => version);
  }

  /** Last listed segment of a track, or -1. */
  lastSegment(id: BroadcastId, track: TrackName): number {
    return (
      this.#sql
        .exec<{ last: number | null }>(
          "SELECT MAX(msn) AS last FROM segments WHERE broadcast = ? AND track = ?",
          id,
          track,
        )
        .one().last ?? -1
    );
  }

  /** The replica that the index gives: what is stored of the window, in a new epoch. */
  restore(row: BroadcastRow, epoch: string, tail: Tail): Replica {
    const { config } = row;
    const inits = this.#sql
      .exec<{ track: string; version: number; bytes: ArrayBuffer }>(
        "SELECT track, version, bytes FROM inits WHERE broadcast = ? ORDER BY track, version",
        config.broadcast,
      )
      .toArray();
    const snapshot = {
      config,
      offset: 0,
      ended: row.ended,
      tracks: config.tracks.map((track) => this.#window(config, track)),
      inits: inits.map(({ track, version, bytes }) => ({
        track: track as TrackName,
        version,
        bytes: new Uint8Array(bytes),
      })),
    };
    return Replica.restore(epoch, snapshot, tail);
  }

  /** The last segments of a track that fill the window: the same ones that sliding would have left. */
  #window(config: BroadcastConfig, track: Track): TrackState {
    const windowTicks = config.windowS * track.timescale;
    const older: SegmentState[] = [];
    const packs: Pack[] = [];
    const newer: SegmentState[] = [];
    let [count, ticks] = [0, 0];
    for (const found of this.#backwards(config.broadcast, track.name)) {
      if ("bytes" in found) {
        packs.unshift(found);
        count += packLength(found);
        ticks += pastOf([found])?.durationTicks ?? 0;
      } else {
        (packs.length === 0 ? newer : older).push(found);
        count += 1;
        ticks += found.durationTicks;
      }
      if ((count >= MIN_SEGMENTS && ticks >= windowTicks) || count >= LIMITS.windowSegments) break;
    }
    const past = pastOf([...extendPast(NO_PAST, older.reverse()).packs, ...packs]) ?? NO_PAST;
    const segments = newer.reverse();
    const mediaSequence = past.packs[0]?.first ?? segments[0]?.msn ?? 0;
    const discontinuitySequence = this.#discontinuitiesBefore(config.broadcast, track.name, mediaSequence);
    return settle(slide({ track, past, segments, mediaSequence, discontinuitySequence }, config), config);
  }

  /** A track's listed segments from the last one back: single, then packed, then those from before packs were kept. */
  *#backwards(id: BroadcastId, track: TrackName): Generator<SegmentState | Pack> {
    const packs = this.#sql.exec<{ first: number; bytes: ArrayBuffer }>(
      "SELECT first, bytes FROM packs WHERE broadcast = ? AND track = ? ORDER BY first DESC",
      id,
      track,
    );
    let next: number | null = null;
    for (const { first, bytes } of packs) {
      const pack = { first, bytes: new Uint8Array(bytes) };
      const end = first + packLength(pack);
      if (next === null) {
        yield* this.#segments("WHERE broadcast = ? AND track = ? AND msn >= ? ORDER BY msn DESC", id, track, end);
      } else if (next !== end) break;
      yield pack;
      next = first;
    }
    const before = next ?? Number.MAX_SAFE_INTEGER;
    yield* this.#segments("WHERE broadcast = ? AND track = ? AND msn < ? ORDER BY msn DESC", id, track, before);
  }

  *#segments(where: string, ...values: (string | number)[]): Generator<SegmentState> {
    if (!this.#ready) return;
    const rows = this.#sql.exec<{ segment: string }>(`SELECT segment FROM segments ${where}`, ...values);
    for (const { segment } of rows) yield JSON.parse(segment) as SegmentState;
  }

  /** Keeps the segments from `first` on as one row more, where they are all there. */
  #pack(id: BroadcastId, track: TrackName, first: number): void {
    const [pack] = extendPast(NO_PAST, this.segments(id, track, first, PACK_SEGMENTS)).packs;
    if (pack === undefined || pack.first !== first || packLength(pack) < PACK_SEGMENTS) return;
    this.#sql.exec("INSERT OR REPLACE INTO packs VALUES (?, ?, ?, ?)", id, track, first, pack.bytes);
  }

  #discontinuitiesBefore(id: BroadcastId, track: TrackName, msn: number): number {
    return this.#sql
      .exec<{ n: number }>(
        "SELECT COUNT(*) AS n FROM segments WHERE broadcast = ? AND track = ? AND msn < ? AND discontinuity = 1",
        id,
        track,
        msn,
      )
      .one().n;
  }

  #broadcast(where: string, ...values: string[]): BroadcastRow | null {
    if (!this.#ready) return null;
    const row = this.#sql
      .exec<{ config: string; publisher: string; ended_ms: number | null }>(
        `SELECT config, publisher, ended_ms FROM broadcasts ${where}`,
        ...values,
      )
      .toArray()[0];
    if (row === undefined) return null;
    return {
      config: JSON.parse(row.config) as BroadcastConfig,
      publisher: row.publisher,
      ended: row.ended_ms !== null,
    };
  }

  #create(): void {
    if (this.#ready) return;
    this.#sql.exec(SCHEMA + PACKS);
    this.#ready = true;
  }

  #hasTable(name: string): boolean {
    return this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", name).toArray().length > 0;
  }
}
