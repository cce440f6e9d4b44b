/** The page's interface of a player. */
import type { Platform } from "../../../core/kit/clock.ts";
import type { WatchEvent } from "./watch-state.ts";

/** A player's statistics; null for unknown values. */
export interface PlayerReading {
  readonly rendition: string | null;
  readonly targetS: number | null;
  readonly programTimeMs: number | null;
  readonly bandwidth: number | null;
  /** Seconds behind the playlist's moving edge. */
  readonly edgeDistanceS: number | null;
}

/** Loads and plays the stream, and reports events for the view. */
export interface StreamPlayer {
  /** Loads the stream, from the live edge or from the start of a recording. */
  load(): void;
  /** Drops the stream. */
  stop(): void;
  /** Retries the network now, if it waits for a retry. */
  retryNow(): void;
  seekToLive(): void;
  /** Called some ten times per second. */
  tick(nowMs: number): void;
  /** Playback stalled. */
  onStall(nowMs: number): void;
  read(): PlayerReading;
  /** Whether the playlist has an end. */
  readonly isRecording: boolean;
}

/** Whether a status code means that the stream was stopped. */
export const isStoppedStatus = (status: number | undefined): boolean => status === 410 || status === 451;

/** The message for a refusal with this status, or null for another status. */
export function refusalText(status: number | undefined): string | null {
  if (status === 401) return "This stream requires sign-in. Open it from the site that shows it.";
  return status === 403 ? "You don’t have access to this stream." : null;
}

/** The viewer's token, for streams that require one. */
export interface ViewerToken {
  /** The token now, or null. */
  readonly token: string | null;
  /** When it expires, milliseconds since the epoch; null if it does not say, or without one. */
  readonly expiresMs: number | null;
  /** Gets another one; true if the token now differs from `before`. */
  renew(before: string | null): Promise<boolean>;
}

/** A player's callbacks to the page. */
export type WatchEventListener = (event: WatchEvent) => void;

/** What every player is made of. */
export interface PlayerOptions {
  readonly video: HTMLVideoElement;
  /** Of the multivariant playlist. */
  readonly url: string;
  readonly report: WatchEventListener;
  readonly playbackToken: ViewerToken;
  readonly platform: Platform;
}
