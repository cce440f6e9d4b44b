/** The two parts of the scale model, the delivery tree and the room: what each can be asked, and what it says. */
import { calibrate } from "./calibrate.ts";
import { costs } from "./costs.ts";
import type { Plot } from "./plot.ts";
import { describe } from "./print.ts";
import { calibrateRoom } from "./room/calibrate.ts";
import { describeRoom } from "./room/print.ts";
import { type RoomOptions, runRoom } from "./room/run.ts";
import { roomCosts, roomPlots, roomSweepTables, sweepRoom } from "./room/sweep.ts";
import { roomValidationTable, validateRoom } from "./room/validate.ts";
import { type ModelOptions, runModel } from "./run.ts";
import { firstBreak, sweep, sweepPlots, sweepTable } from "./sweep.ts";
import { validate, validationTable } from "./validate.ts";

/** What a part says: text for people, figures for JSON, and plots by the names of their files. */
export interface Said {
  readonly text: string;
  readonly figures: unknown;
  readonly plots?: Readonly<Record<string, Plot>>;
}

/** A part of the model. */
export interface Part {
  once(): Said;
  sweep(): Said;
  costs(): Said;
  validate(): Promise<Said>;
  calibrate(): Promise<Said>;
}

/** The names of the parts. */
export const PARTS = ["tree", "room"] as const;
export type PartName = (typeof PARTS)[number];

type Say = (line: string) => void;

/** The delivery tree. `say`: what is under way. */
export function treePart(options: ModelOptions, say: Say): Part {
  return {
    once: () => {
      const outcome = runModel(options);
      return { text: describe(outcome), figures: withoutColos(outcome) };
    },
    sweep: () => {
      const outcomes = sweep(options, say);
      const breaks = firstBreak(outcomes, (viewers) => runModel({ ...options, viewers }), say);
      return {
        text: `${sweepTable(outcomes)}\n\n${breaks}`,
        figures: { outcomes: outcomes.map(withoutColos), breaks },
        plots: sweepPlots(outcomes),
      };
    },
    costs: () => {
      const { text, rows } = costs();
      return { text, figures: rows };
    },
    validate: async () => {
      const figures = await validate(say);
      return { text: validationTable(figures), figures };
    },
    calibrate: async () => asJson(await calibrate(say)),
  };
}

/** The room. `say`: what is under way. */
export function roomPart(options: RoomOptions, say: Say): Part {
  return {
    once: () => {
      const outcome = runRoom(options);
      return { text: describeRoom(outcome), figures: withoutColos(outcome) };
    },
    sweep: () => {
      const outcomes = sweepRoom(options, say);
      const breaks = firstBreak(outcomes, (viewers) => runRoom({ ...options, viewers }), say);
      return {
        text: `${roomSweepTables(outcomes)}\n\n${breaks}`,
        figures: { outcomes: outcomes.map(withoutColos), breaks },
        plots: roomPlots(outcomes),
      };
    },
    costs: () => {
      const { text, rows } = roomCosts(options);
      return { text, figures: rows };
    },
    validate: async () => {
      const figures = await validateRoom(options, say);
      return { text: roomValidationTable(figures), figures };
    },
    calibrate: async () => asJson(await calibrateRoom(say)),
  };
}

const asJson = (figures: unknown): Said => ({ text: JSON.stringify(figures, null, 1), figures });

/** The figures without the list of all data centres. */
function withoutColos<T extends { readonly options: { readonly colos: readonly unknown[] } }>(outcome: T): unknown {
  return { ...outcome, options: { ...outcome.options, colos: outcome.options.colos.length } };
}
