/** The two parts of the scale model, the delivery tree and the room: their commands and outputs. */
import { calibrateTree } from "./calibrate.ts";
import { compareCosts } from "./costs.ts";
import type { Plot } from "./plot.ts";
import { describeTreeOutcome } from "./print.ts";
import { calibrateRoom } from "./room/calibrate.ts";
import { describeRoom } from "./room/print.ts";
import { type RoomModelOptions, runRoomModel } from "./room/run.ts";
import { compareRoomCosts, roomPlots, roomSweepTables, sweepRoom } from "./room/sweep.ts";
import { roomValidationTable, validateRoom } from "./room/validate.ts";
import { type ModelOptions, runTreeModel } from "./run.ts";
import { findFirstBreak, sweepTree, treeSweepPlots, treeSweepTable } from "./sweep.ts";
import { treeValidationTable, validateTree } from "./validate.ts";

/** The output of a part: text, JSON figures, and plots by file name. */
export interface ModelReport {
  readonly text: string;
  readonly figures: unknown;
  readonly plots?: Readonly<Record<string, Plot>>;
}

/** A part of the model. */
export interface ModelPart {
  once(): ModelReport;
  sweep(): ModelReport;
  costs(): ModelReport;
  validate(): Promise<ModelReport>;
  calibrate(): Promise<ModelReport>;
}

/** The names of the parts. */
export const MODEL_PARTS = ["tree", "room"] as const;
export type ModelPartName = (typeof MODEL_PARTS)[number];

type ProgressListener = (line: string) => void;

/** The delivery tree. `say`: progress. */
export function createTreePart(options: ModelOptions, onProgress: ProgressListener): ModelPart {
  return {
    once: () => {
      const outcome = runTreeModel(options);
      return { text: describeTreeOutcome(outcome), figures: withoutColos(outcome) };
    },
    sweep: () => {
      const outcomes = sweepTree(options, onProgress);
      const breaks = findFirstBreak(outcomes, (viewers) => runTreeModel({ ...options, viewers }), onProgress);
      return {
        text: `${treeSweepTable(outcomes)}\n\n${breaks}`,
        figures: { outcomes: outcomes.map(withoutColos), breaks },
        // The plots of the documents are those of playlists and parts.
        ...(options.settings.flow === undefined ? { plots: treeSweepPlots(outcomes) } : {}),
      };
    },
    costs: () => {
      const { text, rows } = compareCosts();
      return { text, figures: rows };
    },
    validate: async () => {
      const figures = await validateTree(onProgress);
      return { text: treeValidationTable(figures), figures };
    },
    calibrate: async () => jsonReport(await calibrateTree(onProgress)),
  };
}

/** The room. `say`: progress. */
export function createRoomPart(options: RoomModelOptions, onProgress: ProgressListener): ModelPart {
  return {
    once: () => {
      const outcome = runRoomModel(options);
      return { text: describeRoom(outcome), figures: withoutColos(outcome) };
    },
    sweep: () => {
      const outcomes = sweepRoom(options, onProgress);
      const breaks = findFirstBreak(outcomes, (viewers) => runRoomModel({ ...options, viewers }), onProgress);
      return {
        text: `${roomSweepTables(outcomes)}\n\n${breaks}`,
        figures: { outcomes: outcomes.map(withoutColos), breaks },
        plots: roomPlots(outcomes),
      };
    },
    costs: () => {
      const { text, rows } = compareRoomCosts(options);
      return { text, figures: rows };
    },
    validate: async () => {
      const figures = await validateRoom(options, onProgress);
      return { text: roomValidationTable(figures), figures };
    },
    calibrate: async () => jsonReport(await calibrateRoom(onProgress)),
  };
}

const jsonReport = (figures: unknown): ModelReport => ({ text: JSON.stringify(figures, null, 1), figures });

/** The figures without the list of all data centres. */
function withoutColos<T extends { readonly options: { readonly colos: readonly unknown[] } }>(outcome: T): unknown {
  return { ...outcome, options: { ...outcome.options, colos: outcome.options.colos.length } };
}
