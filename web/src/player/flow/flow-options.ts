/** What a playback by flow needs, and how it ends. */
import type { Platform } from "../../../../core/kit/clock.ts";
import type { FlowObstacle } from "../delay-choice.ts";
import type { CarriedStatus } from "../status.ts";
import type { EarlyFlow } from "./early-flow.ts";
import type { FlowRung } from "./flow-abr.ts";
import type { FlowAccess } from "./flow-token.ts";

/** Limits of playback, each with its reason. */
export const FLOW_PLAYBACK_LIMITS = {
  /** Ticks that are further apart mean that the machine slept, or that the page was frozen. */
  sleepMs: 5_000,
  /** The page is busy with itself right after its first picture: lateness until then is none of the network's. */
  settleMs: 2_000,
  /** A join without its first media for this long is a lag. */
  joinS: 0.7,
  /** The edge is estimated this far beyond the newest media. */
  edgeS: 0.5,
} as const;

/** Why a playback is over. */
export type FlowOutcome =
  | { readonly kind: "obstacle"; readonly obstacle: FlowObstacle }
  /** An HTTP status other than 200 that neither another try nor another token changes. */
  | { readonly kind: "refused"; readonly status: number }
  /** The edge puts the join off; nothing has played. */
  | { readonly kind: "crowded"; readonly retryAfterS: number }
  /** The broadcast is over, and what is buffered plays on; or another one has its place. */
  | { readonly kind: "ended" | "replaced" };

/** From least to most, milliseconds: viewers who began together do not renew together. */
export interface RenewalRange {
  readonly min: number;
  readonly max: number;
}

/** What a playback needs. */
export interface FlowPlaybackOptions {
  readonly video: HTMLVideoElement;
  readonly platform: Platform;
  readonly mediaSource: typeof MediaSource;
  /** Address of the broadcast's flow, without its parameters. */
  readonly url: string;
  readonly access: FlowAccess;
  /** A response gets a successor after a time in this range. */
  readonly renewAfterMs: RenewalRange;
  /** A response that was asked for before; the first request takes it if it is the same, and drops it if not. */
  readonly early: EarlyFlow | null;
  /** Renditions, in ascending order of bandwidth; none: the sound alone. */
  readonly rungs: readonly FlowRung[];
  /** Name of the audio track, or null. */
  readonly audio: string | null;
  readonly startRung: number;
  /** The viewer's choice, or null: automatic. */
  readonly chosen: () => number | null;
  /** The largest rung that the picture on screen is worth. */
  readonly sizeCap: () => number;
  /** Called with the first media, if another playback has the element until then; else null. */
  readonly onTakeOver: (() => void) | null;
  readonly report: (outcome: FlowOutcome) => void;
  /** The stream's status came with the media. */
  readonly onStatus: (status: CarriedStatus) => void;
}
