/** A small parser of the ISO BMFF boxes that the rules concern. */

import { type AudioFormat, opusSamples, readAudioFormat } from "./audio-format.ts";
import { type BoxRange, dataViewOf, findBox, fourccAt, walkBoxes } from "./box-tree.ts";

/** A track in an init section. */
interface TrackFacts {
  readonly trackId: number;
  readonly timescale: number;
  readonly kind: "video" | "audio" | "other";
  readonly defaultDuration: number;
  readonly defaultSize: number;
  readonly defaultFlags: number;
}

/** An audio track in an init section. */
export interface AudioTrackFacts extends TrackFacts {
  readonly format: AudioFormat;
}

/** An init section: its video track, or its first without video. */
export interface InitFacts extends TrackFacts {
  /** The audio track: this same one, or the muxed one. */
  readonly audio: AudioTrackFacts | null;
}

/** Consecutive equal audio frames. */
export interface FrameGroup {
  readonly durationTicks: number;
  /** Decoded samples of each; null if unknown. */
  readonly samples: number | null;
  readonly count: number;
}

/** The audio of one `traf`. */
export interface AudioRun {
  readonly baseTicks: number;
  readonly durationTicks: number;
  readonly frames: readonly FrameGroup[];
}

/** The fragments of a part or segment, in the track's ticks. */
export interface FragmentFacts {
  readonly baseTicks: number;
  readonly durationTicks: number;
  readonly samples: number;
  /** The longest sample: one frame. */
  readonly frameTicks: number;
  readonly syncSamples: number;
  readonly startsWithSync: boolean;
  /** Offset just after the first sample's bytes. */
  readonly firstSampleEnd: number;
  /** Whether each `moof` continues where the one before it ended. */
  readonly continuous: boolean;
  /** The init section's audio track, and its data in here, `traf` by `traf`; null without one. */
  readonly audio: { readonly track: AudioTrackFacts; readonly runs: readonly AudioRun[] } | null;
}

/** Parses an init section; null for other bytes. */
export function readInitFacts(bytes: Uint8Array): InitFacts | null {
  const view = dataViewOf(bytes);
  const moov = findBox(view, ["moov"]);
  if (moov === null) return null;
  const traks = [...walkBoxes(view, moov.body, moov.end)].filter((box) => box.type === "trak");
  const tracks = traks.flatMap((trak) => readTrack(view, moov, trak) ?? []);
  const first = tracks.find((track) => track.kind === "video") ?? tracks[0];
  const sound = tracks.find((track): track is AudioTrackFacts => "format" in track);
  return first === undefined ? null : { ...first, audio: sound ?? null };
}

function readTrack(view: DataView, moov: BoxRange, trak: BoxRange): TrackFacts | AudioTrackFacts | null {
  const within = (...path: string[]): BoxRange | null => findBox(view, path, trak.body, trak.end);
  const [tkhd, mdhd, hdlr] = [within("tkhd"), within("mdia", "mdhd"), within("mdia", "hdlr")];
  if (tkhd === null || mdhd === null || hdlr === null) return null;
  const trackId = view.getUint32(tkhd.body + (view.getUint8(tkhd.body) === 1 ? 20 : 12));
  const mvex = findBox(view, ["mvex"], moov.body, moov.end);
  const trexes = mvex === null ? [] : [...walkBoxes(view, mvex.body, mvex.end)].filter((box) => box.type === "trex");
  const trex = trexes.find((box) => view.getUint32(box.body + 4) === trackId);
  const handler = fourccAt(view, hdlr.body + 8);
  const facts: TrackFacts = {
    trackId,
    timescale: view.getUint32(mdhd.body + (view.getUint8(mdhd.body) === 1 ? 20 : 12)),
    kind: handler === "vide" ? "video" : handler === "soun" ? "audio" : "other",
    defaultDuration: trex === undefined ? 0 : view.getUint32(trex.body + 12),
    defaultSize: trex === undefined ? 0 : view.getUint32(trex.body + 16),
    defaultFlags: trex === undefined ? 0 : view.getUint32(trex.body + 20),
  };
  const stsd = within("mdia", "minf", "stbl", "stsd");
  const format = facts.kind === "audio" && stsd !== null ? readAudioFormat(view, stsd) : null;
  return format === null ? facts : { ...facts, format };
}

/** Whether the bytes look like fMP4 media rather than, say, a transport stream. */
export function isFragmentedMp4(bytes: Uint8Array): boolean {
  const first = walkBoxes(dataViewOf(bytes)).next().value;
  return first !== undefined && ["styp", "moof", "sidx", "prft", "emsg", "mdat"].includes(first.type);
}

/** Parses all fragments in `bytes`; null if there are none, or one lacks the init section's own track. */
export function readFragmentFacts(bytes: Uint8Array, init: InitFacts): FragmentFacts | null {
  const view = dataViewOf(bytes);
  let facts: FragmentFacts | null = null;
  try {
    for (const moof of walkBoxes(view)) {
      if (moof.type !== "moof") continue;
      const one = readFragment(view, moof, init);
      if (one === null) return null;
      facts = facts === null ? one : mergeFacts(facts, one);
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return facts;
}

function mergeFacts(a: FragmentFacts, b: FragmentFacts): FragmentFacts {
  return {
    ...a,
    durationTicks: a.durationTicks + b.durationTicks,
    samples: a.samples + b.samples,
    frameTicks: Math.max(a.frameTicks, b.frameTicks),
    syncSamples: a.syncSamples + b.syncSamples,
    continuous: a.continuous && b.continuous && a.baseTicks + a.durationTicks === b.baseTicks,
    audio: a.audio === null || b.audio === null ? null : { ...a.audio, runs: [...a.audio.runs, ...b.audio.runs] },
  };
}

/** A `traf` with the fields that its samples need. */
interface TrackFragment {
  readonly box: BoxRange;
  readonly trackId: number;
  readonly tfhd: BoxRange;
  readonly baseTicks: number;
}

function* trackFragments(view: DataView, moof: BoxRange): Generator<TrackFragment> {
  for (const box of walkBoxes(view, moof.body, moof.end)) {
    if (box.type !== "traf") continue;
    const tfdt = findBox(view, ["tfdt"], box.body, box.end);
    const tfhd = findBox(view, ["tfhd"], box.body, box.end);
    if (tfdt === null || tfhd === null) continue;
    const baseTicks =
      view.getUint8(tfdt.body) === 1 ? Number(view.getBigUint64(tfdt.body + 4)) : view.getUint32(tfdt.body + 4);
    yield { box, trackId: view.getUint32(tfhd.body + 4), tfhd, baseTicks };
  }
}

function readFragment(view: DataView, moof: BoxRange, init: InitFacts): FragmentFacts | null {
  const trafs = [...trackFragments(view, moof)];
  const { audio } = init;
  const isMuxed = audio !== null && audio.trackId !== init.trackId;
  const traf = trafs.find((one) => one.trackId === init.trackId) ?? (isMuxed ? undefined : trafs[0]);
  if (traf === undefined) return null;
  const { baseTicks } = traf;
  let durationTicks = 0;
  let samples = 0;
  let frameTicks = 0;
  let syncSamples = 0;
  let startsWithSync = false;
  let firstSampleEnd = 0;
  for (const sample of readSamples(view, traf, init)) {
    // ISO/IEC 14496-12 §8.8.3.1: bit 16 of the sample flags is `sample_is_non_sync_sample`.
    const sync = (sample.flags & 0x10000) === 0;
    if (samples === 0) {
      startsWithSync = sync;
      firstSampleEnd = moof.start + sample.dataOffset + sample.size;
    }
    samples += 1;
    durationTicks += sample.duration;
    frameTicks = Math.max(frameTicks, sample.duration);
    if (sync) syncSamples += 1;
  }
  const soundId = isMuxed ? audio.trackId : traf.trackId;
  const heard = trafs.filter((one) => one.trackId === soundId);
  return {
    baseTicks,
    durationTicks,
    samples,
    frameTicks,
    syncSamples,
    startsWithSync,
    firstSampleEnd,
    continuous: true,
    audio: audio === null ? null : { track: audio, runs: heard.map((one) => readAudioRun(view, moof, one, audio)) },
  };
}

function readAudioRun(view: DataView, moof: BoxRange, traf: TrackFragment, track: AudioTrackFacts): AudioRun {
  const { frameSamples } = track.format;
  const frames: FrameGroup[] = [];
  let durationTicks = 0;
  for (const sample of readSamples(view, traf, track)) {
    const samples =
      frameSamples === "each" ? opusSamples(view, moof.start + sample.dataOffset, sample.size) : frameSamples;
    const last = frames.at(-1);
    const same = last?.durationTicks === sample.duration && last.samples === samples;
    if (same) frames[frames.length - 1] = { ...last, count: last.count + 1 };
    else frames.push({ durationTicks: sample.duration, samples, count: 1 });
    durationTicks += sample.duration;
  }
  return { baseTicks: traf.baseTicks, durationTicks, frames };
}

/** The samples of a `traf` in order; `dataOffset` counts from its `moof`. */
function* readSamples(view: DataView, { box, tfhd }: TrackFragment, track: TrackFacts) {
  const defaults = readDefaults(view, tfhd, track);
  for (const trun of walkBoxes(view, box.body, box.end))
    if (trun.type === "trun") yield* readTrackRun(view, trun, defaults);
}

interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function readDefaults(view: DataView, tfhd: BoxRange, init: TrackFacts): SampleDefaults {
  const flags = view.getUint32(tfhd.body) & 0xffffff;
  let at = tfhd.body + 8;
  if (flags & 0x1) at += 8;
  if (flags & 0x2) at += 4;
  const next = (present: number, otherwise: number): number => {
    if (!(flags & present)) return otherwise;
    at += 4;
    return view.getUint32(at - 4);
  };
  const duration = next(0x8, init.defaultDuration);
  const size = next(0x10, init.defaultSize);
  return { duration, size, flags: next(0x20, init.defaultFlags) };
}

function* readTrackRun(view: DataView, trun: BoxRange, defaults: SampleDefaults) {
  const flags = view.getUint32(trun.body) & 0xffffff;
  const count = view.getUint32(trun.body + 4);
  let at = trun.body + 8;
  const take = (present: number, otherwise: number): number => {
    if (!(flags & present)) return otherwise;
    at += 4;
    return view.getUint32(at - 4);
  };
  let dataOffset = take(0x1, 0);
  const firstFlags = take(0x4, defaults.flags);
  for (let i = 0; i < count; i++) {
    const duration = take(0x100, defaults.duration);
    const size = take(0x200, defaults.size);
    const own = take(0x400, i === 0 ? firstFlags : defaults.flags);
    take(0x800, 0);
    yield { duration, size, flags: own, dataOffset };
    dataOffset += size;
  }
}
