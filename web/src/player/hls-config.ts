/** Configuration of hls.js for a stream with about a second of delay. */

import type { HlsConfig } from "hls.js";
import { GAP_PENALTY_MS } from "./gap-levels.ts";
import { PromptAudioController } from "./prompt-audio.ts";

/** Assumed bits per second before the first measurement, if the browser provides no estimate. */
const DEFAULT_BANDWIDTH = 4_000_000;

/**
 * `downlinkMbps` is the browser's own estimate (`navigator.connection`). `token` returns the viewer's token, called for
 * every request if there is one when the stream is loaded.
 */
export function createHlsConfig(downlinkMbps: number | undefined, token: () => string | null): Partial<HlsConfig> {
  const estimate = downlinkMbps === undefined || downlinkMbps <= 0 ? DEFAULT_BANDWIDTH : downlinkMbps * 1e6 * 0.8;
  return {
    lowLatencyMode: true,
    // In a header, not in URLs: so all viewers get the same playlists, and a new token applies at once.
    ...(token() === null ? {} : { xhrSetup: (xhr, url) => openAuthorized(xhr, url, token()) }),
    // The worker remuxes transport streams. Fragmented MP4 needs no remuxing, and starting the worker
    // delays the first picture by some 40 ms and 118 kB.
    enableWorker: false,
    // The first fragment is requested while the media source is still opening.
    startFragPrefetch: true,
    audioStreamController: PromptAudioController,
    testBandwidth: false,
    abrEwmaDefaultEstimate: Math.max(500_000, estimate),
    abrEwmaDefaultEstimateMax: Math.max(DEFAULT_BANDWIDTH, estimate),
    capLevelToPlayerSize: true,
    errorPenaltyExpireMs: GAP_PENALTY_MS,
    // The browser evicts from its buffers by itself. If hls.js's own removal overlaps an append, it loses track of the
    // loaded parts of the segment at the edge, and loading then stops at the segment's end.
    backBufferLength: Number.POSITIVE_INFINITY,
    maxBufferLength: 20,
    // An infinite duration, and a seekable range that equals the playlist's window.
    liveDurationInfinity: true,
    // Our own controller (latency.ts) controls latency; that of hls.js raises its target by a second per stall, permanently.
    maxLiveSyncPlaybackRate: 1,
    liveSyncOnStallIncrease: 0,
    liveSyncMode: "edge",
    // A stall is detected within a part or two, not after more than a second.
    detectStallWithCurrentTimeMs: 500,
    highBufferWatchdogPeriod: 1,
    // Where a timeline ends, a gap part of a tick closes the segment. If its tag comes while the part before it is being loaded,
    // hls.js takes it for a failed request: the retry must not take longer than what is buffered.
    fragLoadPolicy: {
      default: {
        maxTimeToFirstByteMs: 10_000,
        maxLoadTimeMs: 120_000,
        timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
        errorRetry: { maxNumRetry: 8, retryDelayMs: 100, maxRetryDelayMs: 8_000, backoff: "exponential" },
      },
    },
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
        // The page's own state machine retries, with jitter.
        errorRetry: { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 },
      },
    },
  };
}

function openAuthorized(xhr: XMLHttpRequest, url: string, token: string | null): void {
  xhr.open("GET", url, true);
  if (token !== null) xhr.setRequestHeader("authorization", `Bearer ${token}`);
}
