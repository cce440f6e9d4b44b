/** A small reader of the few ISO BMFF boxes that the rules speak of. */

/** What an init section says. */
export interface InitFacts {
  readonly timescale: number;
  readonly kind: "video" | "audio" | "other";
  readonly defaultDuration: number;
  readonly defaultSize: number;
  readonly defaultFlags: number;
}

/** What the fragments of a part or segment say, in the track's ticks. */
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
}

interface Box {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

/** The boxes between two offsets; stops at the first that doesn't fit. */
export function* boxes(view: DataView, start = 0, end: number = view.byteLength): Generator<Box> {
  let at = start;
  while (at + 8 <= end) {
    let size = view.getUint32(at);
    let head = 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    } else if (size === 0) size = end - at;
    if (size < head) return;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((offset) => view.getUint8(at + offset)));
    yield { type, start: at, body: at + head, end: Math.min(at + size, end) };
    at += size;
  }
}

function find(view: DataView, path: readonly string[], start = 0, end: number = view.byteLength): Box | null {
  const [type, ...rest] = path;
  for (const box of boxes(view, start, end)) {
    if (box.type !== type) continue;
    return rest.length === 0 ? box : find(view, rest, box.body, box.end);
  }
  return null;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads an init section of one track; null where the bytes are none. */
export function readInit(bytes: Uint8Array): InitFacts | null {
  const view = viewOf(bytes);
  const mdhd = find(view, ["moov", "trak", "mdia", "mdhd"]);
  const hdlr = find(view, ["moov", "trak", "mdia", "hdlr"]);
  const trex = find(view, ["moov", "mvex", "trex"]);
  if (mdhd === null || hdlr === null) return null;
  const handler = String.fromCharCode(...[8, 9, 10, 11].map((offset) => view.getUint8(hdlr.body + offset)));
  return {
    timescale: view.getUint32(mdhd.body + (view.getUint8(mdhd.body) === 1 ? 20 : 12)),
    kind: handler === "vide" ? "video" : handler === "soun" ? "audio" : "other",
    defaultDuration: trex === null ? 0 : view.getUint32(trex.body + 12),
    defaultSize: trex === null ? 0 : view.getUint32(trex.body + 16),
    defaultFlags: trex === null ? 0 : view.getUint32(trex.body + 20),
  };
}

/** Whether the bytes look like fMP4 media rather than, say, a transport stream. */
export function isFragmented(bytes: Uint8Array): boolean {
  const first = boxes(viewOf(bytes)).next().value;
  return first !== undefined && ["styp", "moof", "sidx", "prft", "emsg", "mdat"].includes(first.type);
}

/** Reads all fragments in `bytes` (the first track of each); null where there are none. */
export function readFragments(bytes: Uint8Array, init: InitFacts): FragmentFacts | null {
  const view = viewOf(bytes);
  let facts: FragmentFacts | null = null;
  try {
    for (const moof of boxes(view)) {
      if (moof.type !== "moof") continue;
      const one = readFragment(view, moof, init);
      if (one === null) return null;
      facts = facts === null ? one : join(facts, one);
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return facts;
}

function join(a: FragmentFacts, b: FragmentFacts): FragmentFacts {
  return {
    ...a,
    durationTicks: a.durationTicks + b.durationTicks,
    samples: a.samples + b.samples,
    frameTicks: Math.max(a.frameTicks, b.frameTicks),
    syncSamples: a.syncSamples + b.syncSamples,
    continuous: a.continuous && b.continuous && a.baseTicks + a.durationTicks === b.baseTicks,
  };
}

function readFragment(view: DataView, moof: Box, init: InitFacts): FragmentFacts | null {
  const traf = find(view, ["traf"], moof.body, moof.end);
  if (traf === null) return null;
  const tfdt = find(view, ["tfdt"], traf.body, traf.end);
  const tfhd = find(view, ["tfhd"], traf.body, traf.end);
  if (tfdt === null || tfhd === null) return null;
  const baseTicks =
    view.getUint8(tfdt.body) === 1 ? Number(view.getBigUint64(tfdt.body + 4)) : view.getUint32(tfdt.body + 4);
  const defaults = readDefaults(view, tfhd, init);
  let durationTicks = 0;
  let samples = 0;
  let frameTicks = 0;
  let syncSamples = 0;
  let startsWithSync = false;
  let firstSampleEnd = 0;
  for (const trun of boxes(view, traf.body, traf.end)) {
    if (trun.type !== "trun") continue;
    for (const sample of readRun(view, trun, defaults)) {
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
  }
  return {
    baseTicks,
    durationTicks,
    samples,
    frameTicks,
    syncSamples,
    startsWithSync,
    firstSampleEnd,
    continuous: true,
  };
}

interface Defaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function readDefaults(view: DataView, tfhd: Box, init: InitFacts): Defaults {
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

function* readRun(view: DataView, trun: Box, defaults: Defaults) {
  const flags = view.getUint32(trun.body) & 0xffffff;
  const count = view.getUint32(trun.body + 4);
  let at = trun.body + 8;
  const take = (present: number, otherwise: number): number => {
    if (!(flags & present)) return otherwise;
    at += 4;
    return view.getUint32(at - 4);
  };
  const dataOffset = take(0x1, 0);
  const firstFlags = take(0x4, defaults.flags);
  for (let i = 0; i < count; i++) {
    const duration = take(0x100, defaults.duration);
    const size = take(0x200, defaults.size);
    const own = take(0x400, i === 0 ? firstFlags : defaults.flags);
    take(0x800, 0);
    yield { duration, size, flags: own, dataOffset };
  }
}
