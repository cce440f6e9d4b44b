/** The Live object's rows: broadcasts, init sections, and the index of stored segments. */
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { BroadcastConfig, Track, TrackState } from "../../core/broadcast/broadcast-log.ts";
import {
  appendPackedSegments,
  countPackSegments,
  joinPacks,
  NO_PACKED_SEGMENTS,
  SEGMENTS_PER_PACK,
  type SegmentPack,
} from "../../core/broadcast/packed-segments.ts";
import { Replica } from "../../core/broadcast/replica.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import {
  MIN_WINDOW_SEGMENTS,
  packDurableSegments,
  slideWindow,
  tailTicksOf,
} from "../../core/broadcast/segment-window.ts";
import type { BroadcastSummary } from "../../core/broadcast/stream-status.ts";
import type { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { PublisherSeat } from "./active-broadcast.ts";

/** Releases that do not count broadcasts insert rows without a sequence, and may have run since the last migration. */
const SEQUENCE_BACKFILL = "UPDATE broadcasts SET sequence = rowid WHERE sequence = 0";

/** A row of the table of broadcasts. */
export interface BroadcastRow extends PublisherSeat {
  readonly config: BroadcastConfig;
  readonly ended: boolean;
}

/** Typed access to one stream's SQLite. */
export class BroadcastStore {
  readonly #sql: LazyStorage;

  constructor(storage: LazyStorage) {
    this.#sql = storage;
    storage.exec(SEQUENCE_BACKFILL);
  }

  /** Adds a broadcast that opens now. */
  addBroadcast(config: BroadcastConfig, { publisher, credential }: PublisherSeat, nowMs: number): void {
    this.#sql.insert(
      `INSERT INTO broadcasts (id, config, publisher, credential, opened_ms, sequence)
         VALUES (?, ?, ?, ?, ?, (SELECT COALESCE(MAX(sequence), 0) + 1 FROM broadcasts))`,
      config.broadcast,
      JSON.stringify(config),
      publisher,
      credential,
      nowMs,
    );
  }

  /** Sets the publishing process of a broadcast, and its credential's id; empty: none. */
  setPublisher(id: BroadcastId, { publisher, credential }: PublisherSeat): void {
    this.#sql.exec("UPDATE broadcasts SET publisher = ?, credential = ? WHERE id = ?", publisher, credential, id);
  }

  /** Marks a broadcast as ended. */
  endBroadcast(id: BroadcastId, nowMs: number): void {
    this.#sql.exec("UPDATE broadcasts SET ended_ms = ? WHERE id = ? AND ended_ms IS NULL", nowMs, id);
  }

  /** When a broadcast ended, ms since the epoch; null if it has not ended or is unknown. */
  readEndedMs(id: BroadcastId): number | null {
    return (
      this.#sql.exec<{ ended_ms: number | null }>("SELECT ended_ms FROM broadcasts WHERE id = ?", id).toArray()[0]
        ?.ended_ms ?? null
    );
  }

  /** Ids of all broadcasts. */
  listBroadcastIds(): BroadcastId[] {
    const rows = this.#sql.exec<{ id: string }>("SELECT id FROM broadcasts").toArray();
    return rows.map(({ id }) => id as BroadcastId);
  }

  /** One broadcast, or null. */
  readBroadcast(id: BroadcastId): BroadcastRow | null {
    return this.#selectBroadcast("WHERE id = ?", id);
  }

  /** The broadcast that opened last, or null. Wall clocks jump, so the order is a count. */
  readLatestBroadcast(): BroadcastRow | null {
    return this.#selectBroadcast("ORDER BY sequence DESC LIMIT 1");
  }

  /** The stream's broadcasts, the one that opened last first. */
  listBroadcasts(limit: number): BroadcastSummary[] {
    const rows = this.#sql.exec<{ config: string; ended_ms: number | null }>(
      "SELECT config, ended_ms FROM broadcasts ORDER BY sequence DESC LIMIT ?",
      limit,
    );
    return [...rows].map((row) => {
      const { broadcast, startedAtMs, tracks } = JSON.parse(row.config) as BroadcastConfig;
      const named = tracks.map(({ name, kind }) => ({ name, kind }));
      return { broadcast, startedAt: startedAtMs, endedAt: row.ended_ms, tracks: named };
    });
  }

  /** Stores an init section. */
  addInit(id: BroadcastId, track: TrackName, version: number, bytes: Uint8Array): void {
    this.#sql.insert("INSERT OR REPLACE INTO inits VALUES (?, ?, ?, ?)", id, track, version, bytes);
  }

  /** Adds a segment that is in R2 to the index. */
  addSegment(id: BroadcastId, track: TrackName, segment: SegmentState): void {
    this.#sql.insert(
      "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)",
      id,
      track,
      segment.msn,
      segment.start.discontinuity ? 1 : 0,
      segment.durationTicks,
      JSON.stringify({ ...segment, durable: true }),
    );
    if ((segment.msn + 1) % SEGMENTS_PER_PACK === 0) this.#storePack(id, track, segment.msn + 1 - SEGMENTS_PER_PACK);
  }

  /** An init section of any broadcast, or null. */
  readInit(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    const rows = this.#sql.exec<{ bytes: ArrayBuffer }>(
      "SELECT bytes FROM inits WHERE broadcast = ? AND track = ? AND version = ?",
      id,
      track,
      version,
    );
    const [row] = rows.toArray();
    return row === undefined ? null : new Uint8Array(row.bytes);
  }

  /** Up to `limit` indexed segments of a track from `msn` on, in order. */
  listSegments(id: BroadcastId, track: TrackName, msn: number, limit: number): SegmentState[] {
    return [
      ...this.#selectSegments(
        "WHERE broadcast = ? AND track = ? AND msn >= ? ORDER BY msn LIMIT ?",
        id,
        track,
        msn,
        limit,
      ),
    ];
  }

  /** Versions of a track's init sections. */
  listInitVersions(id: BroadcastId, track: TrackName): number[] {
    return this.#sql
      .exec<{ version: number }>("SELECT version FROM inits WHERE broadcast = ? AND track = ?", id, track)
      .toArray()
      .map(({ version }) => version);
  }

  /** The last indexed segment of a track, or -1. */
  findLastSegment(id: BroadcastId, track: TrackName): number {
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

  /** A replica of the stored part of the window, in a new epoch. */
  restoreReplica(row: BroadcastRow, epoch: string, tail: TailBuffer): Replica {
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
      tracks: config.tracks.map((track) => this.#restoreTrack(config, track)),
      inits: inits.map(({ track, version, bytes }) => ({
        track: track as TrackName,
        version,
        bytes: new Uint8Array(bytes),
      })),
    };
    return Replica.restore(epoch, snapshot, tail);
  }

  /** The last segments of a track that fill the window: those that a sliding window would hold. */
  #restoreTrack(config: BroadcastConfig, track: Track): TrackState {
    const windowTicks = config.windowS * track.timescale;
    const older: SegmentState[] = [];
    const packs: SegmentPack[] = [];
    const newer: SegmentState[] = [];
    let [count, ticks] = [0, 0];
    for (const found of this.#segmentsBackwards(config.broadcast, track.name, tailTicksOf(track, config))) {
      if ("bytes" in found) {
        packs.unshift(found);
        count += countPackSegments(found);
        ticks += joinPacks([found])?.durationTicks ?? 0;
      } else {
        (packs.length === 0 ? newer : older).push(found);
        count += 1;
        ticks += found.durationTicks;
      }
      if ((count >= MIN_WINDOW_SEGMENTS && ticks >= windowTicks) || count >= BROADCAST_LIMITS.windowSegments) break;
    }
    const past =
      joinPacks([...appendPackedSegments(NO_PACKED_SEGMENTS, older.reverse()).packs, ...packs]) ?? NO_PACKED_SEGMENTS;
    const segments = newer.reverse();
    const mediaSequence = past.packs[0]?.first ?? segments[0]?.msn ?? 0;
    const discontinuitySequence = this.#countDiscontinuitiesBefore(config.broadcast, track.name, mediaSequence);
    return packDurableSegments(
      slideWindow({ track, packed: past, segments, mediaSequence, discontinuitySequence }, config),
      config,
    );
  }

  /**
   * A track's indexed segments from the last one back: single, then packed, then those from before packs existed. Those of the
   * tail are single: a pack has no parts.
   */
  *#segmentsBackwards(id: BroadcastId, track: TrackName, tailTicks: number): Generator<SegmentState | SegmentPack> {
    const packs = this.#sql.exec<{ first: number; bytes: ArrayBuffer }>(
      "SELECT first, bytes FROM packs WHERE broadcast = ? AND track = ? ORDER BY first DESC",
      id,
      track,
    );
    let next: number | null = null;
    for (const { first, bytes } of packs) {
      const pack = { first, bytes: new Uint8Array(bytes) };
      const end = first + countPackSegments(pack);
      if (next === null) {
        const where = "WHERE broadcast = ? AND track = ? AND msn >= ? ORDER BY msn DESC";
        const after = [...this.#selectSegments(where, id, track, end)];
        if (after.reduce((ticks, { durationTicks }) => ticks + durationTicks, 0) < tailTicks) continue;
        yield* after;
      } else if (next !== end) break;
      yield pack;
      next = first;
    }
    const before = next ?? Number.MAX_SAFE_INTEGER;
    yield* this.#selectSegments("WHERE broadcast = ? AND track = ? AND msn < ? ORDER BY msn DESC", id, track, before);
  }

  *#selectSegments(where: string, ...values: (string | number)[]): Generator<SegmentState> {
    const rows = this.#sql.exec<{ segment: string }>(`SELECT segment FROM segments ${where}`, ...values);
    for (const { segment } of rows) yield JSON.parse(segment) as SegmentState;
  }

  /** Stores the segments from `first` on as a pack, if all of them are indexed. */
  #storePack(id: BroadcastId, track: TrackName, first: number): void {
    const [pack] = appendPackedSegments(
      NO_PACKED_SEGMENTS,
      this.listSegments(id, track, first, SEGMENTS_PER_PACK),
    ).packs;
    if (pack === undefined || pack.first !== first || countPackSegments(pack) < SEGMENTS_PER_PACK) return;
    this.#sql.insert("INSERT OR REPLACE INTO packs VALUES (?, ?, ?, ?)", id, track, first, pack.bytes);
  }

  #countDiscontinuitiesBefore(id: BroadcastId, track: TrackName, msn: number): number {
    return this.#sql
      .exec<{ n: number }>(
        "SELECT COUNT(*) AS n FROM segments WHERE broadcast = ? AND track = ? AND msn < ? AND discontinuity = 1",
        id,
        track,
        msn,
      )
      .one().n;
  }

  #selectBroadcast(where: string, ...values: string[]): BroadcastRow | null {
    const row = this.#sql
      .exec<{ config: string; publisher: string; credential: string; ended_ms: number | null }>(
        `SELECT config, publisher, credential, ended_ms FROM broadcasts ${where}`,
        ...values,
      )
      .toArray()[0];
    if (row === undefined) return null;
    return {
      config: JSON.parse(row.config) as BroadcastConfig,
      publisher: row.publisher,
      credential: row.credential,
      ended: row.ended_ms !== null,
    };
  }
}
