/** Which tracks of a broadcast a browser plays by flow; pure. */
import { findOtherSound } from "../sound-codec.ts";
import type { WatchTrack } from "../status.ts";
import type { FlowRung } from "./flow-abr.ts";

/** What to ask for. */
export interface FlowTracks {
  /** Renditions, in ascending order of bandwidth, with the sound. */
  readonly rungs: readonly FlowRung[];
  /** Name of the audio track; null where there is none, or where it is in each rendition. */
  readonly audio: string | null;
  /** Whether there is sound at all. */
  readonly hasSound: boolean;
}

/** Null if the browser cannot play them. `isTypeSupported` is asked for media types with their codecs. */
export function chooseFlowTracks(
  tracks: readonly WatchTrack[],
  isTypeSupported: (mediaType: string) => boolean,
): FlowTracks | null {
  const isPlayable = ({ kind, codecs }: WatchTrack): boolean => isTypeSupported(`${kind}/mp4; codecs="${codecs}"`);
  const sounds = tracks.filter(({ kind }) => kind === "audio");
  const playable = sounds.filter(isPlayable);
  const others = findOtherSound(playable.map(({ codecs }) => ({ audioCodec: codecs })));
  const audio = playable.find((_, index) => !others.includes(index)) ?? null;
  const videos = tracks
    .filter((track) => track.kind === "video" && isPlayable(track))
    .toSorted((a, b) => a.bandwidth - b.bandwidth);
  if (videos.length === 0 || (audio === null && sounds.length > 0)) return null;
  const rungs = videos.map(({ name, bandwidth }) => ({ name, bandwidth: bandwidth + (audio?.bandwidth ?? 0) }));
  // A muxed track has the codecs of both.
  const isMuxed = videos.some(({ codecs }) => codecs.includes(","));
  return { rungs, audio: audio?.name ?? null, hasSound: audio !== null || isMuxed };
}
