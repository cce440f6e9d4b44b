/** What media-chrome asks of a media element beyond the standard: its stream type, live edge, window and renditions. */
import type { RenditionList } from "./renditions.ts";

/** Answers that change with the stream; numbers in seconds of the element's timeline. */
export interface MediaTraits {
  streamType: "live" | "on-demand" | "unknown";
  /** Playing at or after this counts as watching live; NaN where unknown. */
  liveEdgeStart: () => number;
  /** Length of what can be gone back to; 0 hides the time range. */
  targetLiveWindow: number;
}

/** Puts `traits` and `renditions` on `video`, where media-chrome looks for them. Call `announce` after a change. */
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
