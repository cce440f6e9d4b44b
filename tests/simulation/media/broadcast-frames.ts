/** The frames of synthetic media: parts as the packager writes them, and the chunks that it passes on ahead of them. */
import type { ChunkMeta, Track } from "../../../core/broadcast/broadcast-log.ts";
import { BoundedMap } from "../../../core/kit/bounded-map.ts";
import { type FragmentSample, type MediaFragment, writeFragment } from "../../../core/media/cmaf/fragment.ts";
import type { ChunkOutput } from "../../../core/media/cmaf/part-writer.ts";
import { frameTicksOf, type MediaShape, type PartPlan } from "./broadcast-source.ts";

/** Chunks and rests of parts that are remembered: what viewers get at about the same time. */
const MAX_REMEMBERED = 1_024;
/** Samples differ in length by up to this, as those of encoders do. */
const LENGTHS = 3;

/** A part by its number since the broadcast began, and its index in its segment. */
type PartNumber = Pick<PartPlan, "index" | "part">;

/** The frames of one broadcast. */
export class BroadcastFrames {
  readonly #shape: MediaShape;
  readonly #tracks: ReadonlyMap<string, Track>;
  readonly #fragments = new BoundedMap<string, Uint8Array>(MAX_REMEMBERED);

  constructor(shape: MediaShape, tracks: readonly Track[]) {
    this.#shape = shape;
    this.#tracks = new Map(tracks.map((track) => [track.name, track]));
  }

  /** Duration of a frame, milliseconds. */
  frameMs(name: string): number {
    const track = this.#track(name);
    return (1000 * frameTicksOf(track)) / track.timescale;
  }

  /** Frames of a part. */
  countOf(name: string): number {
    return Math.round(this.#shape.partMs / this.frameMs(name));
  }

  /** The part and the frame that begin at a decode time. */
  locate(name: string, decodeTicks: number): { readonly index: number; readonly frame: number } {
    const number = decodeTicks / frameTicksOf(this.#track(name));
    const index = Math.floor(number / this.countOf(name));
    return { index, frame: number - index * this.countOf(name) };
  }

  /** A whole part. */
  writePart(name: string, at: PartNumber): MediaFragment {
    return this.#write(name, at, { from: 0, count: this.countOf(name), trackId: 1 });
  }

  /** Frames of a part, as a fragment of a track with this id. */
  fragment(name: string, at: PartNumber, which: { from: number; count: number; trackId: number }): Uint8Array {
    const key = `${name} ${at.index} ${which.from} ${which.count} ${which.trackId}`;
    const known = this.#fragments.get(key);
    if (known !== undefined) return known;
    const { bytes } = this.#write(name, at, which);
    this.#fragments.set(key, bytes);
    return bytes;
  }

  /** A frame as the packager passes it on. */
  chunk(name: string, plan: PartPlan, frame: number): ChunkOutput {
    const track = this.#track(name);
    const { msn, part, programTimeMs, initVersion, isDiscontinuity } = plan;
    const isFirst = part === 0 && frame === 0;
    const meta: ChunkMeta = {
      ...{ msn, part, frame, frames: 1, key: isSync(track, plan, frame), durationTicks: frameTicksOf(track) },
      ...(isFirst ? { start: { programTimeMs, initVersion, discontinuity: isDiscontinuity } } : {}),
    };
    return { track: track.name, meta, bytes: this.fragment(name, plan, { from: frame, count: 1, trackId: 1 }) };
  }

  #write(
    name: string,
    at: PartNumber,
    { from, count, trackId }: { from: number; count: number; trackId: number },
  ): MediaFragment {
    const track = this.#track(name);
    const ticks = frameTicksOf(track);
    const samples = Array.from({ length: count }, (_, i): FragmentSample => {
      const frame = from + i;
      return {
        ...{ durationTicks: ticks, ctsOffset: 0, sync: isSync(track, at, frame) },
        data: this.#data(track, at.index, frame),
      };
    });
    const decodeTicks = (at.index * this.countOf(name) + from) * ticks;
    return writeFragment(at.index + 1, [{ trackId, decodeTicks, samples }]);
  }

  /** No two frames of a broadcast are equal. */
  #data({ name }: Track, index: number, frame: number): Uint8Array {
    const data = new Uint8Array(this.#shape.sampleBytes + ((index + frame) % LENGTHS));
    const view = new DataView(data.buffer);
    view.setUint16(0, (name.charCodeAt(0) << 8) | name.charCodeAt(1));
    view.setUint32(2, index);
    view.setUint8(6, frame);
    return data;
  }

  #track(name: string): Track {
    const track = this.#tracks.get(name);
    if (track === undefined) throw new Error(`no track ${name}`);
    return track;
  }
}

/** Each frame of sound is independent; of pictures, the first of a segment is. */
const isSync = ({ kind }: Track, { part }: PartNumber, frame: number): boolean =>
  kind === "audio" || (part === 0 && frame === 0);
