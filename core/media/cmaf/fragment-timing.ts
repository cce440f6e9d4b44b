/** The track of a fragment and the time that it covers, read from its `moof`. */
import { type BoxSpan, boxError, forEachBox, readU8, readU32, readU64 } from "./bytes.ts";
import { initSpan } from "./init.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** Time of a fragment's first track, ticks of that track. */
export interface FragmentTiming {
  readonly trackId: number;
  /** Offset of the track id's four bytes. */
  readonly trackIdAt: number;
  /** Presentation time of the first sample. */
  readonly startTicks: number;
  /** Sum of its samples' durations. */
  readonly durationTicks: number;
}

/** Fields of `tfhd` and `trun` whose presence their flags tell, in order, 4 bytes each unless said otherwise. */
const TFHD = { baseOffset: 0x1, sampleDescription: 0x2, duration: 0x8 } as const;
const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, cts: 0x800 } as const;

/**
 * Reads a `moof`, alone or before its `mdat`; `defaultDurationTicks` gives a track's duration of samples from its `trex`. Throws `CmafError` for one that is
 * malformed.
 */
export function readFragmentTiming(
  fragment: Uint8Array,
  defaultDurationTicks: (trackId: number) => number,
): FragmentTiming {
  const found = { trackId: 0, trackIdAt: 0, decodeTicks: -1, sampleTicks: 0, offset: 0, durationTicks: 0, runs: 0 };
  const visit = (type: string, box: BoxSpan): void => {
    if (type === "tfhd") {
      const flags = readU32(box, box.bodyStart);
      found.trackIdAt = box.bodyStart + 4;
      found.trackId = readU32(box, found.trackIdAt);
      const before = ((flags & TFHD.baseOffset) !== 0 ? 8 : 0) + ((flags & TFHD.sampleDescription) !== 0 ? 4 : 0);
      found.sampleTicks =
        (flags & TFHD.duration) !== 0 ? readU32(box, box.bodyStart + 8 + before) : defaultDurationTicks(found.trackId);
    } else if (type === "tfdt") {
      const isLong = readU8(box, box.bodyStart) === 1;
      found.decodeTicks = isLong ? readU64(box, box.bodyStart + 4) : readU32(box, box.bodyStart + 4);
    } else if (type === "trun") {
      const run = readRun(box, found.sampleTicks);
      if (found.runs === 0) found.offset = run.offset;
      found.runs += 1;
      found.durationTicks += run.durationTicks;
    }
  };
  let hasTraf = false;
  forEachBox(initSpan(fragment), 0, (name, top) => {
    if (name === "moof")
      forEachBox(top, top.bodyStart, (type, box) => {
        if (type !== "traf" || hasTraf) return;
        hasTraf = true;
        forEachBox(box, box.bodyStart, visit);
      });
  });
  const { trackId, trackIdAt, decodeTicks, offset, durationTicks } = found;
  if (trackId === 0 || decodeTicks < 0) throw boxError(initSpan(fragment), "it has no tfhd or no tfdt");
  return { trackId, trackIdAt, startTicks: decodeTicks + offset, durationTicks };
}

/** A run's duration, and the composition time offset of its first sample. */
function readRun(trun: BoxSpan, sampleTicks: number): { offset: number; durationTicks: number } {
  const flags = readU32(trun, trun.bodyStart);
  const count = readU32(trun, trun.bodyStart + 4);
  if (count > CMAF_LIMITS.samplesPerFragment) throw boxError(trun, `${count} samples in one fragment`, "limit");
  const has = (field: number): number => ((flags & field) === 0 ? 0 : 4);
  const first = trun.bodyStart + 8 + has(TRUN.dataOffset) + has(TRUN.firstFlags);
  const ctsAt = has(TRUN.duration) + has(TRUN.size) + has(TRUN.flags);
  const stride = ctsAt + has(TRUN.cts);
  let offset = 0;
  if (has(TRUN.cts) !== 0 && count > 0) {
    const value = readU32(trun, first + ctsAt);
    offset = flags >>> 24 === 1 ? value | 0 : value;
  }
  if (has(TRUN.duration) === 0) return { offset, durationTicks: count * sampleTicks };
  let durationTicks = 0;
  for (let i = 0; i < count; i += 1) durationTicks += readU32(trun, first + i * stride);
  return { offset, durationTicks };
}
