/** What media-chrome requires of a media element beyond the standard: stream type, live edge, window and renditions. */
import type { RenditionList } from "./renditions.ts";

/** Properties that change with the stream; numbers in seconds of the element's timeline. */
export interface MediaTraits {
  streamType: "live" | "on-demand" | "unknown";
  /** Playing at or after this counts as watching live; NaN if unknown. */
  liveEdgeStart: () => number;
  /** Length of the seekable window; 0 hides the time range. */
  targetLiveWindow: number;
}

/** Adds `traits` and `renditions` to `video`, where media-chrome expects them. Call `announce` after a change. */
export function installMediaTraits(
  video: HTMLVideoElement,
  traits: MediaTraits,
  renditions: RenditionList,
): { announce: () => void } {
  Object.defineProperties(video, {
    streamType: { get: () => traits.streamType },
    liveEdgeStart: { get: () => traits.liveEdgeStart() },
    targetLiveWindow: { get: () => traits.targetLiveWindow },
    videoRenditions: { value: renditions },
  });
  let announced = "";
  return {
    announce: () => {
      const now = `${traits.streamType} ${traits.targetLiveWindow}`;
      if (now === announced) return;
      announced = now;
      video.dispatchEvent(new Event("streamtypechange"));
      video.dispatchEvent(new Event("targetlivewindowchange"));
    },
  };
}
