/** How hls.js is set up for a stream that is about a second old. */
import type { HlsConfig } from "hls.js";
import { PromptAudioController } from "./prompt-audio.ts";

/** Bits per second to assume before the first measurement, where the browser has no opinion. */
const DEFAULT_BANDWIDTH = 4_000_000;

/**
 * `downlinkMbps` is the browser's own estimate (`navigator.connection`). `token` gives the viewer's token, asked for with
 * every request where there is one when the stream is loaded.
 */
export function createHlsConfig(downlinkMbps: number | undefined, token: () => string | null): Partial<HlsConfig> {
  const estimate = downlinkMbps === undefined || downlinkMbps <= 0 ? DEFAULT_BANDWIDTH : downlinkMbps * 1e6 * 0.8;
  return {
    lowLatencyMode: true,
    // In a header, not in addresses: so all viewers get the same playlists, and a new token takes effect at once.
    ...(token() === null ? {} : { xhrSetup: (xhr, url) => openAuthorized(xhr, url, token()) }),
    // The worker is there to remux transport streams. Fragmented MP4 passes through as it is, and starting the worker
    // costs the first picture some 40 ms and 118 kB.
    enableWorker: false,
    // The first fragment is asked for while the media source is still opening.
    startFragPrefetch: true,
    audioStreamController: PromptAudioController,
    testBandwidth: false,
    abrEwmaDefaultEstimate: Math.max(500_000, estimate),
    abrEwmaDefaultEstimateMax: Math.max(DEFAULT_BANDWIDTH, estimate),
    capLevelToPlayerSize: true,
    // The browser makes room in its buffers by itself. hls.js's own removal, when it overlaps an append, forgets which
    // parts of the segment at the edge were loaded, and loading then stops at the segment's end.
    backBufferLength: Number.POSITIVE_INFINITY,
    maxBufferLength: 20,
    // An endless duration and a seekable range that is the playlist's window.
    liveDurationInfinity: true,
    // Our own controller (latency.ts) steers; hls.js's would raise its target by a second with every stall, for good.
    maxLiveSyncPlaybackRate: 1,
    liveSyncOnStallIncrease: 0,
    liveSyncMode: "edge",
    // A stall is noticed within a part or two, not after more than a second.
    detectStallWithCurrentTimeMs: 500,
    highBufferWatchdogPeriod: 1,
    playlistLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 10_000,
        maxLoadTimeMs: 20_000,
        timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
        errorRetry: { maxNumRetry: 3, retryDelayMs: 400, maxRetryDelayMs: 4000, backoff: "exponential" },
      },
    },
    manifestLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 10_000,
        maxLoadTimeMs: 20_000,
        timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
        // The page's own state machine asks again, with jitter.
        errorRetry: { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 },
      },
    },
  };
}

function openAuthorized(xhr: XMLHttpRequest, url: string, token: string | null): void {
  xhr.open("GET", url, true);
  if (token !== null) xhr.setRequestHeader("authorization", `Bearer ${token}`);
}
