/** What the Live object keeps in SQLite: stream keys' hashes, broadcasts, init sections, the index of stored segments. */
import type { BroadcastConfig, SegmentState } from "../../protocol/broadcast/log.ts";
import { Replica, type Snapshot } from "../../protocol/broadcast/replica.ts";
import type { Tail } from "../../protocol/broadcast/tail.ts";
import { MIN_SEGMENTS } from "../../protocol/broadcast/window.ts";
import type { BroadcastId, TrackName } from "../../protocol/ids.ts";
import type { BroadcastSummary } from "../../protocol/status.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (hash TEXT PRIMARY KEY, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS broadcasts (
  id TEXT PRIMARY KEY, config TEXT NOT NULL, publisher TEXT NOT NULL, opened_ms INTEGER NOT NULL, ended_ms INTEGER);
CREATE TABLE IF NOT EXISTS inits (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (broadcast, track, version));
CREATE TABLE IF NOT EXISTS segments (
  broadcast TEXT NOT NULL, track TEXT NOT NULL, msn INTEGER NOT NULL, discontinuity INTEGER NOT NULL,
  duration_ticks INTEGER NOT NULL, segment TEXT NOT NULL,
  PRIMARY KEY (broadcast, track, msn)) WITHOUT ROWID;
`;

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
    this.#ready = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'segments'").toArray().length > 0;
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

  /** Forgets every key, so that none opens the stream any more. */
  removeKeys(): void {
    if (this.#ready) this.#sql.exec("DELETE FROM keys");
  }

  /** Keeps a broadcast that opens now. */
  addBroadcast(config: BroadcastConfig, publisher: string, nowMs: number): void {
    this.#create();
    this.#sql.exec(
      "INSERT INTO broadcasts (id, config, publisher, opened_ms) VALUES (?, ?, ?, ?)",
      config.broadcast,
      JSON.stringify(config),
      publisher,
      nowMs,
    );
  }

  /** Another process publishes this broadcast from now on. */
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

  /** One broadcast, or null. */
  broadcast(id: BroadcastId): BroadcastRow | null {
    return this.#broadcast("WHERE id = ?", id);
  }

  /** The broadcast that opened last, or null. */
  latestBroadcast(): BroadcastRow | null {
    return this.#broadcast("ORDER BY opened_ms DESC, rowid DESC LIMIT 1");
  }

  /** The stream's broadcasts, the one that opened last first. */
  broadcasts(most: number): BroadcastSummary[] {
    if (!this.#ready) return [];
    const rows = this.#sql.exec<{ config: string; ended_ms: number | null }>(
      "SELECT config, ended_ms FROM broadcasts ORDER BY rowid DESC LIMIT ?",
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
  }

  /** Last listed segment of a track, or -1. */
  lastSegment(id: BroadcastId, track: TrackName): number {
    const row = this.#sql
      .exec<{ last: number | null }>(
        "SELECT MAX(msn) AS last FROM segments WHERE broadcast = ? AND track = ?",
        id,
        track,
      )
      .one();
    return row.last ?? -1;
  }

  /** All listed segments of a track, in order. */
  *segments(id: BroadcastId, track: TrackName): Generator<SegmentState> {
    const rows = this.#sql.exec<{ segment: string }>(
      "SELECT segment FROM segments WHERE broadcast = ? AND track = ? ORDER BY msn",
      id,
      track,
    );
    for (const row of rows) yield JSON.parse(row.segment) as SegmentState;
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
    const snapshot: Snapshot = {
      config,
      offset: 0,
      ended: row.ended,
      tracks: config.tracks.map((track) => {
        const segments = this.#window(config, track.name, track.timescale);
        const first = segments[0]?.msn ?? 0;
        return {
          name: track.name,
          segments,
          mediaSequence: first,
          discontinuitySequence: this.#discontinuitiesBefore(config.broadcast, track.name, first),
        };
      }),
      inits: inits.map(({ track, version, bytes }) => ({
        track: track as TrackName,
        version,
        byteLength: bytes.byteLength,
      })),
    };
    return Replica.restore(epoch, snapshot, concat(inits.map(({ bytes }) => new Uint8Array(bytes))), tail);
  }

  /** The last segments of a track that fill the window: the same ones that sliding would have left. */
  #window(config: BroadcastConfig, track: TrackName, timescale: number): SegmentState[] {
    const rows = this.#sql.exec<{ segment: string; duration_ticks: number }>(
      "SELECT segment, duration_ticks FROM segments WHERE broadcast = ? AND track = ? ORDER BY msn DESC",
      config.broadcast,
      track,
    );
    const segments: SegmentState[] = [];
    let ticks = 0;
    for (const row of rows) {
      segments.push(JSON.parse(row.segment) as SegmentState);
      ticks += row.duration_ticks;
      if (segments.length >= MIN_SEGMENTS && ticks >= config.windowS * timescale) break;
    }
    return segments.reverse();
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
    this.#sql.exec(SCHEMA);
    this.#ready = true;
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
