/** The node as one of many: its measured capacity, its client of dispatch, its status port, and its end. */
import { availableParallelism } from "node:os";
import type { LeaseClient } from "../../core/dispatch/lease-client.ts";
import { type Clock, type Platform, sleep } from "../../core/kit/clock.ts";
import { UsageError } from "../kit/errors.ts";
import type { Transcoder } from "../packager/transcoder.ts";
import { createDispatchClient, type DispatchConnectionOptions } from "./dispatch-connection.ts";
import { FreeCapacity } from "./free-capacity.ts";
import { LeasedPlaces, type TranscodePlaces } from "./transcode-places.ts";

/** How often a draining node looks whether its broadcasts are over. */
const DRAIN_STEP_MS = 250;

/** What a node has in a cluster; without dispatch the capacity only. */
export interface ClusterMember {
  readonly capacity: FreeCapacity;
  readonly client: LeaseClient | null;
  readonly places: TranscodePlaces | null;
}

/** What is needed for dispatch. */
export interface ClusterOptions extends Pick<DispatchConnectionOptions, "log" | "platform"> {
  readonly dispatch: { readonly url: string; readonly token: string | null; readonly node: string } | null;
  /** The token of the node's own edge, or null. */
  readonly edgeToken: string | null;
}

/** The node's part of its cluster. Its client is not started yet. Throws `UsageError` without a token. */
export function joinCluster(
  transcoder: Transcoder,
  { dispatch, edgeToken, log, platform }: ClusterOptions,
): ClusterMember {
  const capacity = new FreeCapacity(transcoder, availableParallelism());
  if (dispatch === null) return { capacity, client: null, places: null };
  const token = dispatch.token ?? edgeToken;
  if (token === null) throw new UsageError("--dispatch needs the edge's ingest token (CORRAL_INGEST_TOKEN).");
  const freePlaces = (): number => capacity.places;
  const client = createDispatchClient({ ...dispatch, token, freePlaces, log, platform });
  return { capacity, client, places: new LeasedPlaces(transcoder, client, platform.clock) };
}

/** Signals of the end: at once, or when the broadcasts are over. */
export interface EndSignals {
  readonly stop: AbortSignal;
  readonly drain: AbortSignal;
}

/**
 * Waits for `stop`, or after `drain` until `beginDrain()()` is true, `drainMs` at most.
 */
export async function waitForEnd(
  { stop, drain }: EndSignals,
  drainMs: number,
  { clock }: Platform,
  beginDrain: () => () => boolean,
): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of [stop, drain]) {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
  if (stop.aborted) return;
  await drainUntil(beginDrain(), clock.monotonicMs() + drainMs, stop, clock);
}

async function drainUntil(isDone: () => boolean, untilMs: number, stop: AbortSignal, clock: Clock): Promise<void> {
  while (!isDone() && !stop.aborted && clock.monotonicMs() < untilMs)
    await sleep(clock, DRAIN_STEP_MS, stop).catch(() => {});
}
