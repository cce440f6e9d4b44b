/** The nodes of the simulated tree: who feeds, who is fed, and what each has counted. */
import { type Address, addressText, type Region } from "../../protocol/tree/address.ts";
import { Door } from "../../protocol/tree/door.ts";
import type { Asker } from "../../protocol/tree/policy.ts";
import { Way } from "../../protocol/tree/way.ts";

/** One reading of a feed. */
export interface Lead {
  readonly startedMs: number;
  /** Tracks whose bytes it carries, as a set. */
  readonly want: number;
  /** When the last word came from above; at the start, the start. */
  wordMs: number;
  /** A node has begun to feed it. */
  heard: boolean;
}

/** A node that is fed: an isolate, or the lower side of a shield. */
export interface Fed {
  readonly name: string;
  readonly kind: Asker["kind"];
  readonly region: Region;
  /** The data centre, whose isolates share a memory of the way; empty for a region's shield. */
  readonly colo: string;
  readonly way: Way;
  /** Tracks whose bytes somebody below wants. */
  wanted: number;
  /** The feed that it has caught up with. */
  lead: Lead | null;
  feeder: Feeder | null;
  fedSinceMs: number;
  /** The one on its way to a feed. */
  walking: Lead | null;
  /** By track: when its first viewer asked for it, and the time of the oldest media that the feed brought. */
  readonly wantedMs: number[];
  readonly tailFromMs: number[];
  /** Tracks whose first parts were pulled, since the feed was late with them or began after them. */
  pulled: number;
  failures: number;
  rememberedMs: number;
  /** Mean time between two requests that may take the lead over. */
  readonly lookMs: number;
  /** Requests that it sent up. */
  sent: number;
  /** What it feeds itself: a shield's other side. */
  readonly side: Feeder | null;
}

/** A feed that a shield can't open yet, since it has none itself that carries what is wanted. */
export interface Waiting {
  readonly asker: Fed;
  readonly lead: Lead;
  readonly halfMs: number;
}

/** A node that feeds others: the Live object, or the upper side of a shield. */
export interface Feeder {
  readonly address: Address;
  readonly text: string;
  readonly door: Door;
  /** Who is fed, in the order of their feeds, and what each wants. */
  readonly fed: Map<Fed, number>;
  readonly names: Set<string>;
  isolates: number;
  shields: number;
  mostIsolates: number;
  mostChildren: number;
  /** It computes until, and its link is busy with what newcomers lack until. */
  busyUntilMs: number;
  linkUntilMs: number;
  mostQueueMs: number;
  mostLinkMs: number;
  childlessSinceMs: number;
  waiting: Waiting[];
  /** Requests that came, in each second. */
  readonly requests: Uint32Array;
  /** How the flow of new parts' bytes changes in each second; its sums are the flow. */
  readonly flow: Float64Array;
  /** The shield's lower side; null for the Live object. */
  fedSide: Fed | null;
}

/** A feeder that has fed nobody yet. */
export function newFeeder(address: Address, seconds: number): Feeder {
  const feeder: Feeder = {
    address,
    text: addressText(address),
    door: new Door(address),
    fed: new Map(),
    names: new Set(),
    isolates: 0,
    shields: 0,
    mostIsolates: 0,
    mostChildren: 0,
    busyUntilMs: 0,
    linkUntilMs: 0,
    mostQueueMs: 0,
    mostLinkMs: 0,
    childlessSinceMs: 0,
    waiting: [],
    requests: new Uint32Array(seconds),
    flow: new Float64Array(seconds + 1),
    fedSide: null,
  };
  if (address.tier === "live") return feeder;
  const node = addressText(address);
  feeder.fedSide = {
    ...newFed(node, new Way({ kind: "shield", address, node }), address.region, 0),
    colo: address.tier === "colo" ? address.colo : "",
    side: feeder,
  };
  return feeder;
}

/** A node that nobody feeds yet. */
export function newFed(name: string, way: Way, region: Region, lookMs: number): Fed {
  return {
    name,
    kind: way.kind,
    region,
    colo: "",
    way,
    wanted: 0,
    lead: null,
    feeder: null,
    fedSinceMs: 0,
    walking: null,
    wantedMs: [],
    tailFromMs: [],
    pulled: 0,
    failures: 0,
    rememberedMs: Number.NEGATIVE_INFINITY,
    lookMs,
    sent: 0,
    side: null,
  };
}

/** `fed` gets a feed of `feeder` with the bytes of `want`; `flow` is what that is a second. */
export function attach(feeder: Feeder, fed: Fed, want: number, flow: (want: number) => number, nowMs: number): void {
  detach(feeder, fed, flow, nowMs);
  feeder.fed.set(fed, want);
  feeder.names.add(fed.name);
  if (fed.kind === "isolate") feeder.isolates += 1;
  else feeder.shields += 1;
  feeder.mostIsolates = Math.max(feeder.mostIsolates, feeder.isolates);
  feeder.mostChildren = Math.max(feeder.mostChildren, feeder.fed.size);
  change(feeder, flow(want), nowMs);
}

/** `fed` has no feed of `feeder` any more. */
export function detach(feeder: Feeder, fed: Fed, flow: (want: number) => number, nowMs: number): void {
  const want = feeder.fed.get(fed);
  if (want === undefined) return;
  feeder.fed.delete(fed);
  feeder.names.delete(fed.name);
  if (fed.kind === "isolate") feeder.isolates -= 1;
  else feeder.shields -= 1;
  if (feeder.fed.size === 0) feeder.childlessSinceMs = nowMs;
  change(feeder, -flow(want), nowMs);
}

function change({ flow }: Feeder, bytesPerSecond: number, nowMs: number): void {
  const second = Math.floor(nowMs / 1_000);
  if (second >= flow.length - 1) return;
  const rest = 1 - (nowMs / 1_000 - second);
  flow[second] = (flow[second] ?? 0) + bytesPerSecond * rest;
  flow[second + 1] = (flow[second + 1] ?? 0) + bytesPerSecond * (1 - rest);
}

/** Bytes a second of new parts that leave a feeder, in each second. */
export function flowOf({ flow }: Feeder): Float64Array {
  let flowing = 0;
  return flow.map((change) => {
    flowing += change;
    return flowing;
  });
}
