/** After the run: what was confirmed as stored is there, once, in order, byte for byte. */
import { type MediaPlaylist, readMediaPlaylist, type SegmentTag } from "../../conformance/playlist-reader.ts";
import type { PublishedBroadcast } from "./ledger.ts";
import type { MediaWorld } from "./media-world.ts";

/** Segments of a recording that are fetched through an isolate; the others are compared in R2. */
const FETCHED_SEGMENTS = 3;

/** Compares all that is stored with what was published. */
export async function auditRecordings(
  world: MediaWorld,
  fetchAsViewer: (path: string) => Promise<AuditAnswer>,
): Promise<void> {
  for (const broadcast of world.ledger.broadcasts) {
    auditBucket(world, broadcast);
    auditIndex(world, broadcast);
    if (broadcast.durableMsn >= 0 || broadcast.isEndConfirmed) await auditPlaylist(world, broadcast, fetchAsViewer);
  }
}

/** An answer as a viewer gets it. */
export interface AuditAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** The last segment of a track that must be stored: the last one of a confirmed end, or the last that was confirmed. */
function lastConfirmed(broadcast: PublishedBroadcast, track: string): number {
  const last = broadcast.parts(track).at(-1)?.meta.msn ?? -1;
  return broadcast.isEndConfirmed ? last : broadcast.durableMsn;
}

function auditBucket({ simulation, bucket }: MediaWorld, broadcast: PublishedBroadcast): void {
  const { stream, config } = broadcast;
  for (const { name } of config.tracks) {
    const key = (msn: number): string => `${stream}/${config.broadcast}/${name}/${msn}.m4s`;
    const keys = bucket.keys(`${stream}/${config.broadcast}/${name}/`).filter((found) => found.endsWith(".m4s"));
    for (const found of keys) {
      const msn = Number(/(\d+)\.m4s$/.exec(found)?.[1]);
      const bytes = bucket.peek(found);
      const comparison = bytes === null ? "missing" : broadcast.compareSegment(name, msn, bytes);
      // The end of a broadcast that was cut off may be a segment that was open.
      const isPrefix = bytes !== null && isPrefixOfSegment(broadcast, name, msn, bytes);
      if (comparison !== "same" && !isPrefix) simulation.fail("durability", `${found} is ${comparison}`);
    }
    for (let msn = 0; msn <= lastConfirmed(broadcast, name); msn += 1) {
      const parts = broadcast.segment(name, msn);
      const isGap = parts.every(({ meta }) => meta.gap);
      const bytes = bucket.peek(key(msn));
      if (!isGap && bytes === null) simulation.fail("durability", `${key(msn)} was confirmed and is not stored`);
      else if (bytes !== null && broadcast.compareSegment(name, msn, bytes) !== "same")
        simulation.fail("durability", `${key(msn)} was confirmed and is not whole`);
    }
  }
}

function isPrefixOfSegment(broadcast: PublishedBroadcast, track: string, msn: number, bytes: Uint8Array): boolean {
  const whole = Buffer.concat(broadcast.segment(track, msn).map((part) => part.bytes));
  return Buffer.compare(whole.subarray(0, bytes.byteLength), bytes) === 0;
}

/** The Live object's index: contiguous, without a segment twice. */
function auditIndex(world: MediaWorld, { stream, config }: PublishedBroadcast): void {
  const { storage } = world.live(stream);
  for (const { name } of config.tracks) {
    const sql = "SELECT msn FROM segments WHERE broadcast = ? AND track = ? ORDER BY msn";
    const rows = storage.query<{ msn: number }>(sql, config.broadcast, name);
    for (const [index, { msn }] of rows.entries()) {
      if (msn !== index)
        world.simulation.fail("durability", `${config.broadcast}/${name}: segment ${index} is not in the index`);
    }
  }
}

async function auditPlaylist(
  world: MediaWorld,
  broadcast: PublishedBroadcast,
  fetchAsViewer: (path: string) => Promise<AuditAnswer>,
): Promise<void> {
  const { stream, config } = broadcast;
  for (const { name } of config.tracks) {
    const folder = `/live/${stream}/${config.broadcast}/${name}/`;
    const answer = await fetchAsViewer(`${folder}vod.m3u8`);
    const playlist = answer.status === 200 ? readMediaPlaylist(new TextDecoder().decode(answer.bytes)) : null;
    if (playlist === null) {
      world.simulation.fail("recording", `${folder}vod.m3u8: ${answer.status}`);
      return;
    }
    checkRecording(world, broadcast, name, playlist);
    const whole = playlist.segments.filter(({ gap, byterange }) => !gap && byterange === null);
    for (const msn of whole.slice(0, FETCHED_SEGMENTS).map(numberOf)) {
      const segment = await fetchAsViewer(`${folder}${msn}.m4s`);
      if (segment.status !== 200 || broadcast.compareSegment(name, msn, segment.bytes) !== "same")
        world.simulation.fail("recording", `${folder}${msn}.m4s: ${segment.status}, or other bytes`);
    }
  }
}

function checkRecording(
  world: MediaWorld,
  broadcast: PublishedBroadcast,
  track: string,
  playlist: MediaPlaylist,
): void {
  const name = `${broadcast.config.broadcast}/${track}`;
  const last = lastConfirmed(broadcast, track);
  if (!playlist.endList) world.simulation.fail("recording", `${name} has no end`);
  // A segment of which parts never came is listed in pieces.
  const listed = [...new Set(playlist.segments.map(numberOf))];
  const isInOrder = listed.every((msn, index) => msn === index);
  if (!isInOrder || listed.length <= last)
    world.simulation.fail("recording", `${name} lists ${listed.length} segments of ${last + 1} that were confirmed`);
  // What was not confirmed may have lost its end with its publisher.
  for (const segment of playlist.segments) {
    const parts = broadcast.segment(track, numberOf(segment));
    const mayBeGap = parts.some(({ meta }) => meta.gap) || numberOf(segment) > last;
    if (segment.gap && !mayBeGap)
      world.simulation.fail("recording", `${name}: segment ${numberOf(segment)} is listed as a gap`);
  }
}

/** The number in a segment's address. */
const numberOf = ({ uri }: SegmentTag): number => Number(/(\d+)\.m4s$/.exec(uri ?? "")?.[1] ?? -1);
