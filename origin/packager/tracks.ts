/** The track descriptions of a broadcast's renditions. Pure. */
import type { Track } from "../../core/broadcast/broadcast-log.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import type { InitInfo } from "../../core/media/cmaf/frame.ts";
import type { EncodeJob } from "./encoder.ts";
import { bandwidthOf } from "./ladder.ts";

/** The tracks of a broadcast; `partTargets` in milliseconds. `muxed`: each video track carries the audio. */
export function announcedTracks(
  { renditions, preset }: Pick<EncodeJob, "renditions" | "preset">,
  inits: ReadonlyMap<TrackName, { readonly info: InitInfo }>,
  partTargets: ReadonlyMap<TrackName, number>,
  muxed: boolean,
): Track[] {
  const tracks = renditions.map((rendition): Track => {
    const info = inits.get(rendition.name)?.info;
    const partTargetMs = partTargets.get(rendition.name) ?? preset.partMs;
    const common = {
      name: rendition.name,
      codecs: info?.codecs ?? "",
      timescale: rendition.timescale,
      partTargetMs,
      ...bandwidthOf(rendition, partTargetMs, preset.segmentMs),
    };
    if (rendition.kind === "audio") {
      const { channels, sampleRate } = rendition;
      return { ...common, kind: "audio", channels, sampleRate };
    }
    const { width, height, frameRate } = rendition;
    return {
      ...common,
      kind: "video",
      width,
      height,
      frameRate: Math.round((frameRate.num / frameRate.den) * 1000) / 1000,
    };
  });
  return muxed ? withMuxedAudio(tracks) : tracks;
}

/** The video tracks with the audio muxed in; `tracks` if video or audio is missing. */
function withMuxedAudio(tracks: Track[]): Track[] {
  const pictures = tracks.filter(({ kind }) => kind === "video");
  const sound = tracks.find(({ kind }) => kind === "audio");
  if (sound === undefined || pictures.length === 0) return tracks;
  return pictures.map((picture) => ({
    ...sound,
    ...picture,
    codecs: `${picture.codecs},${sound.codecs}`,
    bandwidth: picture.bandwidth + sound.bandwidth,
    averageBandwidth: picture.averageBandwidth + sound.averageBandwidth,
  }));
}
