/** The two sides of a deployment that a seed is run on, each by itself. */
import type { ProductCode } from "./kernel/product-code.ts";
import type { SimulationOutcome } from "./kernel/simulation.ts";
import type { Trace } from "./kernel/trace.ts";
import { type MediaPlan, runMedia } from "./media/scenario.ts";
import { runRoom } from "./room/room-scenario.ts";

/** Every side. */
export const SIDES = ["media", "room"] as const;

/** The broadcast with its viewers, or the room with its people. */
export type Side = (typeof SIDES)[number];

/** What a run is made of; with the seed it decides everything. */
export type SimulationPlan = MediaPlan;

/** How a run ended, its faults by number, and what it consisted of. */
export interface SideOutcome extends SimulationOutcome {
  readonly faults: readonly { readonly number: number }[];
  readonly summary: string;
}

/** Runs a plan on one side. */
export function runSide(side: Side, plan: SimulationPlan, code: ProductCode, trace: Trace): Promise<SideOutcome> {
  return side === "media" ? runMedia(plan, code, trace) : runRoom(plan, code, trace);
}
