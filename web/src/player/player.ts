/** What the page needs of a player, whichever plays. */
import type { Platform } from "../../../core/kit/clock.ts";
import type { PlaybackToken } from "./playback-token.ts";
import type { WatchEvent } from "./watch-state.ts";

/** What a player reads off itself for the statistics; null where it doesn't know. */
export interface PlayerReading {
  readonly rendition: string | null;
  readonly targetS: number | null;
  readonly programTimeMs: number | null;
  readonly bandwidth: number | null;
  /** Seconds behind the playlist's moving edge. */
  readonly edgeDistanceS: number | null;
}

/** Loads the stream's address and plays it, reporting what the view must know. */
export interface StreamPlayer {
  /** Loads the address, from the live edge or from the start of a recording. */
  load(): void;
  /** Drops the stream. */
  stop(): void;
  /** Tries the network again now, where it waits for its turn. */
  retryNow(): void;
  seekToLive(): void;
  /** Some ten times a second. */
  tick(nowMs: number): void;
  /** Pictures stopped for want of media. */
  onStall(nowMs: number): void;
  read(): PlayerReading;
  /** Whether what plays has an end. */
  readonly isRecording: boolean;
}

/** Whether an answer says that the stream was stopped. */
export const isStoppedStatus = (status: number | undefined): boolean => status === 410 || status === 451;

/** How a player talks to the page. */
export type WatchEventListener = (event: WatchEvent) => void;

/** What every player is made of. */
export interface PlayerOptions {
  readonly video: HTMLVideoElement;
  /** Of the multivariant playlist. */
  readonly url: string;
  readonly report: WatchEventListener;
  readonly playbackToken: PlaybackToken;
  readonly platform: Platform;
}
