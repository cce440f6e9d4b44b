/** Plays the stream as viewers get it, without sound. A module of its own: it is loaded when somebody wants the picture. */
import { type Platform, startInterval } from "../../../../core/kit/clock.ts";
import type { StreamName } from "../../../../core/kit/ids.ts";
import { HlsPlayer } from "../../player/hls-player.ts";
import { isMediaSourceSupported } from "../../player/media-source.ts";
import { MediaSurface } from "../../player/media-traits.ts";
import { NativePlayer } from "../../player/native-player.ts";
import { PlaybackToken } from "../../player/playback-token.ts";
import { initialWatchView, reduceWatchView, type WatchEvent } from "../../player/watch-state.ts";

const TICK_MS = 100;

/** Plays `stream` in `video` until the returned function is called. `onFailure` gets a sentence. */
export function playPicture(
  video: HTMLVideoElement,
  stream: StreamName,
  platform: Platform,
  onFailure: (sentence: string) => void,
): () => void {
  const { clock } = platform;
  let view = initialWatchView(true);
  const report = (event: WatchEvent): void => {
    const before = view;
    view = reduceWatchView(before, event);
    if (view.loadCount !== before.loadCount) player.load();
    if (view.phase === "failed" || view.phase === "stopped") onFailure("The picture cannot be played here.");
  };
  const url = `/live/${stream}/multivariant.m3u8`;
  const options = { video, url, report, playbackToken: new PlaybackToken(stream, clock), platform };
  const player = isMediaSourceSupported() ? new HlsPlayer(options, new MediaSurface(video)) : new NativePlayer(options);
  const play = (): void => void video.play().catch(() => onFailure("The browser does not play here by itself."));
  const onWaiting = (): void => player.onStall(clock.monotonicMs());
  video.addEventListener("loadedmetadata", play);
  video.addEventListener("waiting", onWaiting);
  player.load();
  const stopTicks = startInterval(clock, TICK_MS, () => player.tick(clock.monotonicMs()));
  return () => {
    stopTicks();
    video.removeEventListener("loadedmetadata", play);
    video.removeEventListener("waiting", onWaiting);
    player.stop();
  };
}
