/** The truth: what was published, and what the edge has confirmed of it. Checkers compare everything with this. */
import type { BroadcastConfig, PartMeta } from "../../../core/broadcast/broadcast-log.ts";
import type { PackagerOutput } from "../../../core/media/cmaf/packager.ts";
import type { BroadcastFrames } from "./broadcast-frames.ts";
import type { PartPlan } from "./broadcast-source.ts";

/** A part's place in its track. */
export interface PartPlace {
  readonly meta: Pick<PartMeta, "msn" | "part" | "independent">;
  /** Number among its track's parts. */
  readonly index: number;
  /** Program time of its beginning and its end, milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of its segment. */
  readonly initVersion: number;
}

/** A part that was published. */
export interface PublishedPart extends PartPlace {
  readonly meta: PartMeta;
  readonly bytes: Uint8Array;
  readonly pushedMs: number;
}

/** A part whose frames were passed on before it was complete, with the times at which they were. */
interface BegunPart extends PartPlace {
  readonly passedMs: number[];
}

interface PublishedTrack {
  readonly timescale: number;
  readonly parts: PublishedPart[];
  readonly byName: Map<string, PublishedPart>;
  readonly inits: Map<number, Uint8Array>;
  /** By number. */
  readonly begun: Map<number, BegunPart>;
  /** The furthest part that the edge has confirmed as received, by its number, and when it last did. */
  received: { readonly index: number; readonly atMs: number };
}

/** How a comparison came out: `same`, or why not. */
export type Comparison = "same" | "unknown" | "different" | "gap";

/** One broadcast as it was published. */
export class PublishedBroadcast {
  readonly stream: string;
  readonly config: BroadcastConfig;
  /** What framed media is made of; null for other media. */
  readonly frames: BroadcastFrames | null;
  readonly #tracks = new Map<string, PublishedTrack>();
  /** Bytes that were found equal before: most answers carry the same arrays. */
  readonly #verified = new WeakMap<Uint8Array, PublishedPart>();
  /** Segments up to this one were confirmed as stored, in every track. */
  durableMsn = -1;
  /** Its publisher has gone before the end. */
  isCutOff = false;
  readonly #isReplaced: () => boolean;
  /** The publisher was told that all of it is stored. */
  isEndConfirmed = false;

  constructor(stream: string, config: BroadcastConfig, frames: BroadcastFrames | null, isReplaced: () => boolean) {
    this.stream = stream;
    this.frames = frames;
    this.config = config;
    this.#isReplaced = isReplaced;
    for (const { name, timescale } of config.tracks)
      this.#tracks.set(name, {
        ...{
          timescale,
          parts: [],
          byName: new Map(),
          inits: new Map(),
          begun: new Map(),
          received: { index: -1, atMs: 0 },
        },
      });
  }

  /** Adds what the packager gave. */
  add(output: PackagerOutput, nowMs: number): void {
    const track = this.#tracks.get(output.track);
    if (track === undefined) throw new Error(`no track ${output.track}`);
    if (output.kind === "init") {
      track.inits.set(output.version, output.bytes);
      return;
    }
    const { meta, bytes } = output;
    const part: PublishedPart = { ...nextPlace(track, meta), meta, bytes, pushedMs: nowMs };
    track.parts.push(part);
    track.byName.set(`${meta.msn}.${meta.part}`, part);
  }

  /** The packager passes on the next frame of the part that follows all those that were added. */
  passFrame(name: string, { msn, part, programTimeMs, initVersion }: PartPlan, nowMs: number): void {
    const track = this.#tracks.get(name);
    const described = this.config.tracks.find((each) => each.name === name);
    if (track === undefined || described === undefined) throw new Error(`no track ${name}`);
    const index = track.parts.length;
    const start = part === 0 ? { start: { programTimeMs, initVersion, discontinuity: false } } : {};
    const independent = described.kind === "audio" || part === 0;
    const meta = { msn, part, independent, durationTicks: (described.partTargetMs * described.timescale) / 1000 };
    const begun = track.begun.get(index) ?? { ...nextPlace(track, { ...meta, ...start }), meta, passedMs: [] };
    track.begun.set(index, begun);
    begun.passedMs.push(nowMs);
  }

  /** A part of a framed track by its number, as far as it has come. */
  framedPart(name: string, index: number): { readonly place: PartPlace; readonly passedMs: readonly number[] } | null {
    const begun = this.#tracks.get(name)?.begun.get(index);
    const place = begun ?? this.#tracks.get(name)?.parts[index];
    return place === undefined ? null : { place, passedMs: begun?.passedMs ?? [] };
  }

  /** The edge has confirmed that it has received a part. */
  receive(track: string, msn: number, part: number, nowMs: number): void {
    const published = this.#tracks.get(track);
    const index = published?.byName.get(`${msn}.${part}`)?.index ?? -1;
    if (published !== undefined && index >= published.received.index) published.received = { index, atMs: nowMs };
  }

  /** When the edge last confirmed as much of a track as it ever had of it. */
  advancedMs(track: string): number {
    return this.#tracks.get(track)?.received.atMs ?? 0;
  }

  /** The parts of a track, in order. */
  parts(track: string): readonly PublishedPart[] {
    return this.#tracks.get(track)?.parts ?? [];
  }

  /** A part, or undefined where it was not published yet. */
  part(track: string, msn: number, part: number): PublishedPart | undefined {
    return this.#tracks.get(track)?.byName.get(`${msn}.${part}`);
  }

  /** The parts of a segment, in order. */
  segment(track: string, msn: number): PublishedPart[] {
    const found: PublishedPart[] = [];
    for (let part = this.part(track, msn, 0); part !== undefined; part = this.part(track, msn, found.length))
      found.push(part);
    return found;
  }

  /** Compares a part's bytes as a viewer got them. */
  comparePart(track: string, msn: number, part: number, bytes: Uint8Array): Comparison {
    const published = this.part(track, msn, part);
    if (published === undefined) return "unknown";
    if (published.meta.gap) return "gap";
    if (this.#verified.get(bytes) === published) return "same";
    if (!isEqual(published.bytes, bytes)) return "different";
    this.#verified.set(bytes, published);
    return "same";
  }

  /** Compares a whole segment's bytes. */
  compareSegment(track: string, msn: number, bytes: Uint8Array): Comparison {
    const parts = this.segment(track, msn);
    if (parts.length === 0) return "unknown";
    const whole = Buffer.concat(parts.map((part) => part.bytes));
    if (isEqual(whole, bytes)) return "same";
    if (msn <= this.durableMsn || !isCutAtPart(parts, bytes)) return "different";
    // Without its publisher, or after its replacement, a broadcast may end with any part.
    return this.isCutOff || this.#isReplaced() ? "same" : "different";
  }

  /** Compares an init section. */
  compareInit(track: string, version: number, bytes: Uint8Array): Comparison {
    const published = this.#tracks.get(track)?.inits.get(version);
    if (published === undefined) return "unknown";
    return isEqual(published, bytes) ? "same" : "different";
  }
}

/** Where the part that follows all those that were added begins and ends. */
function nextPlace(
  { parts, timescale }: PublishedTrack,
  { start, durationTicks }: Pick<PartMeta, "start" | "durationTicks">,
): Omit<PartPlace, "meta"> {
  const before = parts.at(-1);
  const startMs = start?.programTimeMs ?? before?.endMs ?? 0;
  const endMs = startMs + (1000 * durationTicks) / timescale;
  return { index: parts.length, startMs, endMs, initVersion: start?.initVersion ?? before?.initVersion ?? 0 };
}

/** Whether bytes are those of the first parts. */
function isCutAtPart(parts: readonly PublishedPart[], bytes: Uint8Array): boolean {
  let whole = Buffer.alloc(0);
  for (const part of parts) {
    whole = Buffer.concat([whole, part.bytes]);
    if (whole.byteLength >= bytes.byteLength) break;
  }
  return isEqual(whole, bytes);
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Everything that was published in a run. */
export class Ledger {
  readonly #broadcasts = new Map<string, PublishedBroadcast>();
  readonly #isReplaced: (stream: string, broadcast: string) => boolean;

  /** `isReplaced`: whether the edge has begun another broadcast of the stream after this one. */
  constructor(isReplaced: (stream: string, broadcast: string) => boolean) {
    this.#isReplaced = isReplaced;
  }

  /** Adds a broadcast that opens. */
  open(stream: string, config: BroadcastConfig, frames: BroadcastFrames | null): PublishedBroadcast {
    const made = new PublishedBroadcast(stream, config, frames, () => this.#isReplaced(stream, config.broadcast));
    this.#broadcasts.set(config.broadcast, made);
    return made;
  }

  /** A broadcast by its id. */
  broadcast(id: string): PublishedBroadcast | undefined {
    return this.#broadcasts.get(id);
  }

  /** All broadcasts, the oldest first. */
  get broadcasts(): readonly PublishedBroadcast[] {
    return [...this.#broadcasts.values()];
  }
}
