/** Brings a track's pictures to the worker, by the best way that the browser has. */
import type { Platform } from "../../../core/kit/clock.ts";
import type { WorkerCommand } from "./worker/messages.ts";

/** What a feed needs. */
export interface VideoFeedOptions {
  /** Shows the track. */
  readonly preview: HTMLVideoElement;
  readonly platform: Platform;
  /** Whether the worker can read a track that is transferred to it. */
  readonly canWorkerReadTracks: boolean;
  readonly post: (command: WorkerCommand, transfer: Transferable[]) => void;
}

/** Feeds until the returned function is called. The track stays the page's. */
export function feedPictures(track: MediaStreamTrack, options: VideoFeedOptions): () => void {
  const { post, canWorkerReadTracks } = options;
  const own = track.clone();
  const stop = (): void => own.stop();
  if (typeof MediaStreamTrackProcessor === "function") {
    const source = new MediaStreamTrackProcessor({ track: own }).readable;
    post({ kind: "video", source }, [source]);
    return stop;
  }
  if (canWorkerReadTracks) {
    try {
      post({ kind: "video", source: own }, [own as unknown as Transferable]);
      return stop;
    } catch {
      // The browser does not transfer tracks.
    }
  }
  own.stop();
  return feedFromPreview(options);
}

/** Takes what the preview shows. In the background the browser shows nothing, and the last picture is repeated. */
function feedFromPreview({ preview, platform, post }: VideoFeedOptions): () => void {
  let isOver = false;
  const take = (): void => {
    if (isOver) return;
    const frame = new VideoFrame(preview, { timestamp: Math.round(platform.clock.monotonicMs() * 1000) });
    post({ kind: "frame", frame }, [frame]);
    preview.requestVideoFrameCallback(take);
  };
  preview.requestVideoFrameCallback(take);
  return () => {
    isOver = true;
  };
}
