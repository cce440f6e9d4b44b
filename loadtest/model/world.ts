/** Locations of viewers: data centres, their regions, and distances. */
import { type NodeAddress, REGIONS, type Region, type Site } from "../../core/delivery/tree/node-address.ts";

/** A data centre and its share of all viewers; the shares sum to 1. */
export interface ModelColo extends Site {
  readonly share: number;
}

/** Round trips in milliseconds. */
export interface NetworkRoundTrips {
  /** To the own data centre's shield. */
  readonly colo: number;
  /** To the own region's shield. */
  readonly region: number;
  /** From each region to the Live object. */
  readonly live: Readonly<Record<Region, number>>;
}

/** The distribution of the world's viewers and data centres: assumptions, in the order of `REGIONS`. */
const SPREAD: Readonly<Record<Region, { readonly viewers: number; readonly colos: number; readonly liveMs: number }>> =
  {
    wnam: { viewers: 0.11, colos: 20, liveMs: 65 },
    enam: { viewers: 0.2, colos: 40, liveMs: 15 },
    sam: { viewers: 0.1, colos: 60, liveMs: 130 },
    weur: { viewers: 0.2, colos: 45, liveMs: 85 },
    eeur: { viewers: 0.08, colos: 25, liveMs: 115 },
    apac: { viewers: 0.22, colos: 85, liveMs: 200 },
    oc: { viewers: 0.02, colos: 10, liveMs: 210 },
    afr: { viewers: 0.03, colos: 28, liveMs: 190 },
    me: { viewers: 0.04, colos: 17, liveMs: 160 },
  };

/** Viewers per data centre in a region follow Zipf's law with this exponent. */
const SKEW = 0.9;

/** The Live object in eastern North America, shields near their children. */
export const WORLD_ROUND_TRIPS: NetworkRoundTrips = {
  colo: 5,
  region: 30,
  live: Object.fromEntries(REGIONS.map((region) => [region, SPREAD[region].liveMs])) as Record<Region, number>,
};

/** The distances of the load test with a round trip of `latencyMs` to the Live object. */
export function harnessRoundTrips(latencyMs: number): NetworkRoundTrips {
  const live = Object.fromEntries(REGIONS.map((region) => [region, latencyMs])) as Record<Region, number>;
  return { colo: latencyMs / 10, region: latencyMs / 2, live };
}

/** `count` data centres of the world: each region has its share, and its viewers are skewed over them. */
export function worldColos(count: number): ModelColo[] {
  const all = REGIONS.reduce((sum, region) => sum + SPREAD[region].colos, 0);
  const numbers = REGIONS.map((region) => Math.max(1, Math.floor((SPREAD[region].colos * count) / all)));
  const order = REGIONS.map((_, index) => index).sort(
    (a, b) => SPREAD[REGIONS[b] ?? "wnam"].viewers - SPREAD[REGIONS[a] ?? "wnam"].viewers,
  );
  const sum = (): number => numbers.reduce((left, number) => left + number, 0);
  for (let at = 0; sum() < count; at += 1)
    numbers[order[at % order.length] ?? 0] = (numbers[order[at % order.length] ?? 0] ?? 0) + 1;
  let index = 0;
  const colos = REGIONS.flatMap((region, at) => {
    const weights = Array.from({ length: numbers[at] ?? 0 }, (_, rank) => 1 / (rank + 1) ** SKEW);
    const whole = weights.reduce((left, weight) => left + weight, 0);
    return weights.map((weight) => {
      const share = (SPREAD[region].viewers * weight) / whole;
      index += 1;
      return { region, colo: coloName(index - 1), share };
    });
  });
  const kept = colos.slice(0, count);
  const shares = kept.reduce((left, { share }) => left + share, 0);
  return kept.map((colo) => ({ ...colo, share: colo.share / shares }));
}

/** `count` data centres of equal size, in `regions` regions in turn, as in the load test. */
export function harnessColos(count: number, regions: number): ModelColo[] {
  return Array.from({ length: count }, (_, index) => ({
    region: REGIONS[index % regions] ?? "wnam",
    colo: coloName(index),
    share: 1 / count,
  }));
}

/** A data centre's name: `C00`, `C01`, … */
const coloName = (index: number): string => `C${String(index).padStart(2, "0")}`;

/** The round trip from a node in `region` to the node at `to`; colo shields never ask another data centre's. */
export function roundTripMs(
  { colo, region: regional, live }: NetworkRoundTrips,
  region: Region,
  to: NodeAddress,
): number {
  return to.tier === "live" ? live[region] : to.tier === "region" ? regional : colo;
}
