/** Whether the page plays by flow or LL-HLS; pure: the viewer's wish, and what stands against it. */

/** What the viewer wants: the least delay (flow), or LL-HLS. */
export type DelayWish = "fastest" | "smooth";

/** Why flow cannot be now. */
export type FlowObstacle =
  /** The browser, or the media, cannot. */
  | "unsupported"
  /** No media came in time. */
  | "slow-start"
  /** Responses failed. */
  | "failing"
  /** No media comes: the source, or the way to it, has gaps. */
  | "no-media"
  /** The lowest rendition is too much for the link. */
  | "slow-link"
  /** The viewer went back in time. */
  | "behind"
  /** The broadcast has ended. */
  | "recording";

/** The state: `isFlow` is what plays. */
export interface DelayChoice {
  readonly wish: DelayWish;
  readonly obstacle: FlowObstacle | null;
  /** Monotonic time of the obstacle. */
  readonly obstacleAtMs: number;
}

/** Flow is tried again this long after an obstacle, and at most as much later. */
export const FLOW_RETRY_MS = { min: 60_000, spread: 10_000 } as const;

/** Whether a stored or given text is a wish. */
export const parseDelayWish = (text: string | null): DelayWish | null =>
  text === "fastest" || text === "smooth" ? text : null;

/** The state of a page. */
export function initialDelayChoice(wish: DelayWish, isSupported: boolean): DelayChoice {
  return { wish, obstacle: isSupported ? null : "unsupported", obstacleAtMs: Number.NEGATIVE_INFINITY };
}

/** Whether flow is to play. */
export const isFlowChosen = ({ wish, obstacle }: DelayChoice): boolean => wish === "fastest" && obstacle === null;

/** The viewer has chosen: flow is tried at once, unless it can never be. */
export function withDelayWish(before: DelayChoice, wish: DelayWish): DelayChoice {
  return { ...before, wish, obstacle: isLasting(before.obstacle) ? before.obstacle : null };
}

/** Flow cannot be, as of now. */
export const withFlowObstacle = (before: DelayChoice, obstacle: FlowObstacle, nowMs: number): DelayChoice => ({
  ...before,
  obstacle: before.obstacle === "unsupported" ? before.obstacle : obstacle,
  obstacleAtMs: nowMs,
});

/** What the return to flow depends on. */
export interface FlowReturnConditions {
  readonly nowMs: number;
  /** Whether LL-HLS plays the live edge. */
  readonly isAtLiveEdge: boolean;
  /** What LL-HLS has measured, bits per second; null if unknown. */
  readonly bandwidth: number | null;
  /** Peak bits per second of the lowest rendition; null if unknown. */
  readonly lowestBandwidth: number | null;
  /** 0 to 1, the same for one obstacle. */
  readonly jitter: number;
}

/** The state without its obstacle, if flow is to be tried again; else the same. */
export function withFlowReturn(before: DelayChoice, now: FlowReturnConditions): DelayChoice {
  const { wish, obstacle, obstacleAtMs } = before;
  if (wish !== "fastest" || obstacle === null || isLasting(obstacle)) return before;
  if (now.nowMs - obstacleAtMs < FLOW_RETRY_MS.min + now.jitter * FLOW_RETRY_MS.spread || !now.isAtLiveEdge)
    return before;
  const { bandwidth, lowestBandwidth } = now;
  const isSlow = bandwidth !== null && lowestBandwidth !== null && bandwidth < 1.5 * lowestBandwidth;
  return obstacle === "slow-link" && isSlow ? before : { ...before, obstacle: null };
}

/** Another broadcast begins: what stood against the last one's flow is over. */
export const withNewBroadcast = (before: DelayChoice): DelayChoice =>
  before.obstacle === "recording" || before.obstacle === "behind" ? { ...before, obstacle: null } : before;

/** The network has changed, or is back: what it stood against flow is over. */
export const withNetworkBack = (before: DelayChoice): DelayChoice =>
  before.obstacle !== null && OF_NETWORK.has(before.obstacle) ? { ...before, obstacle: null } : before;

const OF_NETWORK: ReadonlySet<FlowObstacle> = new Set(["slow-start", "failing", "no-media", "slow-link"]);

const isLasting = (obstacle: FlowObstacle | null): boolean => obstacle === "unsupported" || obstacle === "recording";
