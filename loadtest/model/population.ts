/** The crowd: each viewer is drawn once (data centre, isolate, time, rendition); what is kept are counts per isolate. */

import type { Random } from "../../core/kit/clock.ts";
import { type ArrivalCurve, arrivalTimeS } from "./arrival-curves.ts";
import { weightedChoice } from "./random.ts";
import { type BroadcastSettings, trackMask } from "./settings.ts";
import type { ModelColo } from "./world.ts";

/** Who comes. */
export interface PopulationOptions {
  readonly viewers: number;
  readonly colos: readonly ModelColo[];
  readonly curve: ArrivalCurve;
  /** The curve's time, seconds; a step takes one. */
  readonly arrivalS: number;
  readonly isolates: IsolateRule;
  readonly settings: BroadcastSettings;
}

/** How many isolates a data centre runs: always so many, or one for each so many viewers between bounds. */
export type IsolateRule =
  | { readonly kind: "fixed"; readonly count: number }
  | { readonly kind: "load"; readonly viewersPerIsolate: number; readonly maxIsolates: number };

/** An isolate and its viewers. */
export interface ModelIsolate {
  readonly colo: ModelColo;
  readonly viewers: number;
  /** When its first viewer comes, seconds. */
  readonly firstS: number;
  /** When its first viewer of each choice of the settings comes; infinite where none does. */
  readonly choiceFirstS: Float64Array;
  /** The most viewers that come within one second of the clock. */
  readonly mostJoins: number;
}

/** The crowd as drawn. */
export interface Population {
  /** Isolates with viewers only: nobody starts one without a request. */
  readonly isolates: readonly ModelIsolate[];
  /** Viewers who come in each second. */
  readonly joins: Uint32Array;
}

/** Isolates in a data centre of `viewers`. */
function isolateCount(rule: IsolateRule, viewers: number): number {
  if (rule.kind === "fixed") return rule.count;
  return Math.min(rule.maxIsolates, Math.max(1, Math.ceil(viewers / rule.viewersPerIsolate)));
}

/** Draws the crowd. */
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
  const count = isolateCount(rule, viewers);
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

/** The tracks that viewers of a choice follow, as sets. */
export const choiceMasks = ({ renditionChoices }: BroadcastSettings): number[] =>
  renditionChoices.map(({ tracks }) => trackMask(tracks));
