/** The cost of each setting per million viewer-hours. */
import { PRESETS, type PresetName } from "../../origin/packager/presets.ts";
import { PRICES } from "./prices.ts";
import { markdownTable } from "./print.ts";
import { runTreeModel, TREE_MODEL_DEFAULTS, type TreeModelOutcome } from "./run.ts";
import { type BroadcastSettings, halfSecondSettings, ladderSettings, presetSettings } from "./settings.ts";

/** The size of the compared broadcasts. */
const VIEWERS = 1_000_000;

interface CostScenario {
  readonly name: string;
  readonly settings: BroadcastSettings;
  readonly viewersEach?: number;
  readonly dvrShare?: number;
}

const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

const COST_SCENARIOS: readonly CostScenario[] = [
  ...PRESET_NAMES.flatMap((preset) =>
    (["separate", "muxed"] as const).map((tracks) => ({
      name: `preset ${preset}, ${tracks}`,
      settings: presetSettings(preset, tracks),
    })),
  ),
  ...(["separate", "muxed"] as const).map((tracks) => ({
    name: `0.5 s parts, ${tracks}`,
    settings: halfSecondSettings(tracks),
  })),
  {
    name: "0.5 s muxed, one rendition",
    settings: ladderSettings("0.5 s parts", { partMs: 500, segmentMs: 2_000 }, "muxed", 1),
  },
  ...[100, 1_000 / 30].map((unitMs) => ({
    name: `flow, chunks of ${Math.round(unitMs)} ms`,
    settings: { ...presetSettings("ultra", "separate"), flow: { unitMs } },
  })),
  { name: "0.5 s muxed, 100 viewers per isolate", settings: halfSecondSettings("muxed"), viewersEach: 100 },
  { name: "0.5 s muxed, 1,000 viewers per isolate", settings: halfSecondSettings("muxed"), viewersEach: 1_000 },
  { name: "0.5 s muxed, 20 % of viewers behind live", settings: halfSecondSettings("muxed"), dvrShare: 0.2 },
];

/** The table, and its data. */
export function compareCosts(): {
  readonly text: string;
  readonly rows: readonly { readonly name: string; readonly dollars: number }[];
} {
  const outcomes = COST_SCENARIOS.map((setting) => [setting, runScenario(setting)] as const);
  const sum = ({ bill }: TreeModelOutcome, meter: string): string =>
    `$${bill
      .filter((item) => item.meter.startsWith(meter))
      .reduce((all, { dollars }) => all + dollars, 0)
      .toFixed(2)}`;
  const head = [
    "setting",
    "Worker requests",
    "Worker CPU",
    "object requests",
    "object duration",
    "SQLite, R2",
    "total",
  ];
  const rows = outcomes.map(([{ name }, outcome]) => [
    name,
    sum(outcome, "Worker requests"),
    sum(outcome, "Worker CPU"),
    sum(outcome, "object requests"),
    sum(outcome, "object duration"),
    `$${outcome.bill
      .filter(({ meter }) => /^(SQLite|R2)/.test(meter))
      .reduce((all, { dollars }) => all + dollars, 0)
      .toFixed(2)}`,
    `$${outcome.dollarsPerMillionViewerHours.toFixed(0)}`,
  ]);
  const stream = `Cloudflare Stream at $1 per 1,000 minutes: $${(PRICES.streamMinute * 60 * 1e6).toLocaleString("en-US")}.`;
  return {
    text: `${markdownTable(head, rows)}\n\n${stream}`,
    rows: outcomes.map(([{ name }, { dollarsPerMillionViewerHours: dollars }]) => ({ name, dollars })),
  };
}

function runScenario({ settings, viewersEach = 500, dvrShare = 0 }: CostScenario): TreeModelOutcome {
  return runTreeModel({
    ...TREE_MODEL_DEFAULTS,
    settings,
    viewers: VIEWERS,
    dvrShare,
    isolates: { kind: "load", viewersPerIsolate: viewersEach, maxIsolates: 200 },
  });
}
