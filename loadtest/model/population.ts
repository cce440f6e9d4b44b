/** The audience: each viewer is drawn once (data centre, isolate, time, rendition); only counts per isolate are kept. */

import { FLOW_LIMITS } from "../../core/delivery/node-limits.ts";
import type { Random } from "../../core/kit/clock.ts";
import { type ArrivalCurve, arrivalTimeS } from "./arrival-curves.ts";
import { weightedChoice } from "./random.ts";
import { type BroadcastSettings, trackMask } from "./settings.ts";
import type { ModelColo } from "./world.ts";

/** Parameters of the audience. */
export interface PopulationOptions {
  readonly viewers: number;
  readonly colos: readonly ModelColo[];
  readonly curve: ArrivalCurve;
  /** Duration of the curve, seconds; a step takes one. */
  readonly arrivalS: number;
  readonly isolates: IsolateRule;
  readonly settings: BroadcastSettings;
}

/** Number of isolates in a data centre: fixed, or by load within bounds. */
export type IsolateRule =
  | { readonly kind: "fixed"; readonly count: number }
  | { readonly kind: "load"; readonly viewersPerIsolate: number; readonly maxIsolates: number };

/** An isolate and its viewers. */
export interface ModelIsolate {
  readonly colo: ModelColo;
  readonly viewers: number;
  /** Arrival of its first viewer, seconds. */
  readonly firstS: number;
  /** Arrival of its first viewer per track choice; infinite if there is none. */
  readonly choiceFirstS: Float64Array;
  /** Most viewers that arrive within one second. */
  readonly mostJoins: number;
}

/** The drawn audience. */
export interface Population {
  /** Isolates with viewers only: none starts without a request. */
  readonly isolates: readonly ModelIsolate[];
  /** Arrivals per second. */
  readonly joins: Uint32Array;
}

/** Isolates of a data centre are this full on average where some of them are full: an assumption. */
const FULL_SHARE = 0.85;

/** Number of isolates in a data centre of `viewers`. */
function isolateCount(rule: IsolateRule, viewers: number, settings: BroadcastSettings): number {
  // A full isolate refuses viewers by flow, who ask again until the platform has started another one.
  const least = settings.flow === undefined ? 1 : Math.ceil(viewers / (FULL_SHARE * FLOW_LIMITS.viewers));
  if (rule.kind === "fixed") return Math.max(least, rule.count);
  return Math.max(least, Math.min(rule.maxIsolates, Math.ceil(viewers / rule.viewersPerIsolate)));
}

/** Draws the audience. */
export function drawPopulation(options: PopulationOptions, random: Random): Population {
  const { colos, viewers, curve, arrivalS } = options;
  const perColo = new Uint32Array(colos.length);
  const coloOf = weightedChoice(colos.map(({ share }) => share));
  for (let viewer = 0; viewer < viewers; viewer += 1) {
    const colo = coloOf(random);
    perColo[colo] = (perColo[colo] ?? 0) + 1;
  }
  const seconds = Math.ceil(curve === "step" ? 1 : arrivalS) + 1;
  const joins = new Uint32Array(seconds);
  const isolates = colos.flatMap((colo, index) => drawColo(options, colo, perColo[index] ?? 0, joins, random));
  return { isolates, joins };
}

function drawColo(
  { curve, arrivalS, isolates: rule, settings }: PopulationOptions,
  colo: ModelColo,
  viewers: number,
  joins: Uint32Array,
  random: Random,
): ModelIsolate[] {
  const count = isolateCount(rule, viewers, settings);
  const choices = settings.renditionChoices.length;
  const choiceOf = weightedChoice(settings.renditionChoices.map(({ share }) => share));
  const numbers = new Uint32Array(count);
  const firstS = new Float64Array(count * choices).fill(Number.POSITIVE_INFINITY);
  const perSecond = new Uint32Array(count * joins.length);
  for (let viewer = 0; viewer < viewers; viewer += 1) {
    const isolate = Math.floor(random() * count);
    const atS = arrivalTimeS(curve, arrivalS, random());
    const slot = isolate * choices + choiceOf(random);
    const second = Math.floor(atS);
    numbers[isolate] = (numbers[isolate] ?? 0) + 1;
    firstS[slot] = Math.min(firstS[slot] ?? 0, atS);
    perSecond[isolate * joins.length + second] = (perSecond[isolate * joins.length + second] ?? 0) + 1;
    joins[second] = (joins[second] ?? 0) + 1;
  }
  return Array.from({ length: count }, (_, isolate) => {
    const choiceFirstS = firstS.slice(isolate * choices, (isolate + 1) * choices);
    const mine = perSecond.subarray(isolate * joins.length, (isolate + 1) * joins.length);
    return {
      colo,
      viewers: numbers[isolate] ?? 0,
      firstS: Math.min(...choiceFirstS),
      choiceFirstS,
      mostJoins: mine.reduce((most, number) => Math.max(most, number), 0),
    };
  }).filter((isolate) => isolate.viewers > 0);
}

/** The tracks of each choice, as bit sets. */
export const choiceMasks = ({ renditionChoices }: BroadcastSettings): number[] =>
  renditionChoices.map(({ tracks }) => trackMask(tracks));
