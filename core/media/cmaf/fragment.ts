/** Writes one part: a compact `moof` + `mdat` of one track, or of a video track and its audio. */

/** One sample of a part. */
export interface FragmentSample {
  durationTicks: number;
  /** May be negative. */
  readonly ctsOffset: number;
  readonly sync: boolean;
  readonly data: Uint8Array;
}

/** ISO/IEC 14496-12 §8.8.3.1: depends on no other sample / depends on others and is no sync sample. */
const SYNC_FLAGS = 0x02000000;
const OTHER_FLAGS = 0x01010000;

/** Whether a sample's flags say that decoding can begin at it. */
export const isSyncFlags = (flags: number): boolean => (flags & 0x10000) === 0;

/** Flags of `tfhd`. */
export const TFHD = { duration: 0x08, size: 0x10, flags: 0x20, baseIsMoof: 0x020000 } as const;
/** Flags of `trun`. */
export const TRUN = {
  dataOffset: 0x01,
  firstFlags: 0x04,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  cts: 0x800,
} as const;

/** Fields that each sample must carry because they differ from the fragment's defaults. */
interface Layout {
  readonly runFlags: number;
  readonly headerFlags: number;
  readonly version: 0 | 1;
  readonly defaultFlags: number;
  readonly wordsPerSample: number;
}

function trackRunLayout(samples: readonly FragmentSample[]): Layout {
  const [first, second] = samples;
  let runFlags: number = TRUN.dataOffset;
  let version: 0 | 1 = 0;
  const defaultFlags = (second ?? first)?.sync === true ? SYNC_FLAGS : OTHER_FLAGS;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i];
    if (sample === undefined) break;
    if (sample.durationTicks !== first?.durationTicks) runFlags |= TRUN.duration;
    if (sample.data.length !== first?.data.length) runFlags |= TRUN.size;
    if (sample.ctsOffset !== 0) runFlags |= TRUN.cts;
    if (sample.ctsOffset < 0) version = 1;
    if (sample.sync !== second?.sync && second !== undefined) runFlags |= i === 0 ? TRUN.firstFlags : TRUN.flags;
  }
  // ISO/IEC 14496-12 §8.8.8.1: first-sample-flags and sample-flags exclude each other.
  if ((runFlags & TRUN.flags) !== 0) runFlags &= ~TRUN.firstFlags;
  let headerFlags: number = TFHD.baseIsMoof;
  if ((runFlags & TRUN.duration) === 0) headerFlags |= TFHD.duration;
  if ((runFlags & TRUN.size) === 0) headerFlags |= TFHD.size;
  if ((runFlags & TRUN.flags) === 0) headerFlags |= TFHD.flags;
  let wordsPerSample = 0;
  for (const bit of [TRUN.duration, TRUN.size, TRUN.flags, TRUN.cts]) if ((runFlags & bit) !== 0) wordsPerSample++;
  return { runFlags, headerFlags, version, defaultFlags, wordsPerSample };
}

/** Consecutive samples of one track without a hole; at least one. */
export interface TrackRun {
  readonly trackId: number;
  /** Decode time of the first. */
  readonly decodeTicks: number;
  readonly samples: readonly FragmentSample[];
}

/** A part's bytes, and the length of the prefix that includes the first sample's data. */
export interface MediaFragment {
  readonly bytes: Uint8Array;
  readonly firstSampleEnd: number;
}

/** A run with the fields of its `traf`. */
interface TrackRunPlan extends TrackRun {
  readonly layout: Layout;
  readonly tfhdBytes: number;
  readonly trunBytes: number;
  readonly dataBytes: number;
}

function planTrackRun(run: TrackRun): TrackRunPlan {
  const layout = trackRunLayout(run.samples);
  const { runFlags, headerFlags, wordsPerSample } = layout;
  const defaults = [TFHD.duration, TFHD.size, TFHD.flags].filter((bit) => (headerFlags & bit) !== 0).length;
  const trunBytes = 20 + ((runFlags & TRUN.firstFlags) !== 0 ? 4 : 0) + 4 * wordsPerSample * run.samples.length;
  let dataBytes = 0;
  for (const sample of run.samples) dataBytes += sample.data.length;
  return { ...run, layout, tfhdBytes: 16 + 4 * defaults, trunBytes, dataBytes };
}

const trafBytesOf = ({ tfhdBytes, trunBytes }: TrackRunPlan): number => 8 + tfhdBytes + 20 + trunBytes;

/** Writes consecutive words. */
interface WordWriter {
  readonly word: (value: number) => void;
  readonly box: (size: number, type: number) => void;
}

/** `runs` (at least one) as one fragment, with their data in order. */
export function writeFragment(sequence: number, runs: readonly TrackRun[]): MediaFragment {
  const planned = runs.map(planTrackRun);
  let moofBytes = 8 + 16;
  let dataBytes = 0;
  for (const run of planned) {
    moofBytes += trafBytesOf(run);
    dataBytes += run.dataBytes;
  }
  const bytes = new Uint8Array(moofBytes + 8 + dataBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const word = (value: number): void => {
    view.setUint32(at, value >>> 0);
    at += 4;
  };
  const box = (size: number, type: number): void => {
    word(size);
    word(type);
  };
  box(moofBytes, 0x6d6f6f66);
  box(16, 0x6d666864); // mfhd
  word(0);
  word(sequence);
  let dataOffset = moofBytes + 8;
  for (const run of planned) {
    writeTraf(run, dataOffset, { word, box });
    dataOffset += run.dataBytes;
  }
  box(8 + dataBytes, 0x6d646174);
  for (const { samples } of planned) {
    for (const { data } of samples) {
      bytes.set(data, at);
      at += data.length;
    }
  }
  return { bytes, firstSampleEnd: moofBytes + 8 + (runs[0]?.samples[0]?.data.length ?? 0) };
}

/** `dataOffset`: bytes from the start of the `moof` to the run's first sample. */
function writeTraf(run: TrackRunPlan, dataOffset: number, { word, box }: WordWriter): void {
  const { trackId, decodeTicks, samples, layout, tfhdBytes, trunBytes } = run;
  const { runFlags, headerFlags } = layout;
  const [first] = samples;
  box(trafBytesOf(run), 0x74726166);
  box(tfhdBytes, 0x74666864);
  word(headerFlags);
  word(trackId);
  if ((headerFlags & TFHD.duration) !== 0) word(first?.durationTicks ?? 0);
  if ((headerFlags & TFHD.size) !== 0) word(first?.data.length ?? 0);
  if ((headerFlags & TFHD.flags) !== 0) word(layout.defaultFlags);
  box(20, 0x74666474); // tfdt, version 1
  word(0x01000000);
  word(Math.floor(decodeTicks / 2 ** 32));
  word(decodeTicks % 2 ** 32);
  box(trunBytes, 0x7472756e);
  word((layout.version << 24) | runFlags);
  word(samples.length);
  word(dataOffset);
  if ((runFlags & TRUN.firstFlags) !== 0) word(first?.sync === true ? SYNC_FLAGS : OTHER_FLAGS);
  for (const sample of samples) {
    if ((runFlags & TRUN.duration) !== 0) word(sample.durationTicks);
    if ((runFlags & TRUN.size) !== 0) word(sample.data.length);
    if ((runFlags & TRUN.flags) !== 0) word(sample.sync ? SYNC_FLAGS : OTHER_FLAGS);
    if ((runFlags & TRUN.cts) !== 0) word(sample.ctsOffset);
  }
}
