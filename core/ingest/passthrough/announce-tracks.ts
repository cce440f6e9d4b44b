/** The tracks of a broadcast as its opening announces them. */
import type { Track } from "../../broadcast/broadcast-log.ts";
import { toNumber } from "../../kit/rational.ts";
import { partTargetFor } from "../../media/cmaf/packager.ts";
import type { PassthroughTrack } from "./timeline-plan.ts";

/** A segment's rate may exceed the average by this factor: encoders of constant rate vary less. */
const PEAK_FACTOR = 1.5;
const PART_OVERHEAD_BYTES = 200;

/** `tracks` with rates and part targets for a wish of `partMs`. All have the leader's part target, so that none raises the hold-back. */
export function announceTracks(tracks: readonly PassthroughTrack[], partMs: number): Track[] {
  const [leader] = tracks;
  const isEven = leader?.frameRate !== null || leader.kind === "audio";
  const partTargetMs =
    leader !== undefined && isEven ? partTargetFor(partMs, leader.frameMs) : Math.max(partMs, leader?.frameMs ?? 0);
  return tracks.map(({ name, kind, timescale, description, init, frameRate, frameMs, bitsPerSecond }): Track => {
    const overhead = (8 * PART_OVERHEAD_BYTES * 1000) / partTargetMs;
    const common = {
      ...{ name, kind, timescale, partTargetMs, codecs: init.info.codecs },
      bandwidth: Math.ceil(bitsPerSecond * PEAK_FACTOR + overhead),
      averageBandwidth: Math.ceil(bitsPerSecond + overhead),
    };
    if (description.media === "audio")
      return { ...common, channels: description.channels, sampleRate: description.outputRate };
    const rate = frameRate === null ? 1000 / frameMs : toNumber(frameRate);
    const { width, height } = description;
    return { ...common, width, height, frameRate: Math.round(rate * 1000) / 1000 };
  });
}
