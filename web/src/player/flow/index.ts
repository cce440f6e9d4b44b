/** The entry of flow's player for other pages: `docs/flow-player.md` says how to use it. */
export type { FlowObstacle } from "../delay-choice.ts";
export type { ViewerToken } from "../player.ts";
export type { WatchPhase, WatchView } from "../watch-state.ts";
export type { RenewalRange } from "./flow-options.ts";
export { FlowView, type FlowViewOptions, type FlowViewReading } from "./flow-view.ts";
