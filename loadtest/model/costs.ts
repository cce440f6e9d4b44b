/** What each setting costs for a million viewer-hours. */
import { PRESETS, type PresetName } from "../../origin/presets.ts";
import { PRICES } from "./prices.ts";
import { short, table } from "./print.ts";
import { DEFAULTS, type Outcome, runModel } from "./run.ts";
import { halfSecond, presetSettings, type Settings, settingsOf } from "./settings.ts";

/** The size of the broadcast that the settings are compared at. */
const VIEWERS = 1_000_000;

interface Setting {
  readonly name: string;
  readonly settings: Settings;
  readonly viewersEach?: number;
  readonly dvrShare?: number;
}

const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

const SETTINGS: readonly Setting[] = [
  ...PRESET_NAMES.flatMap((preset) =>
    (["separate", "muxed"] as const).map((tracks) => ({
      name: `preset ${preset}, ${tracks}`,
      settings: presetSettings(preset, tracks),
    })),
  ),
  ...(["separate", "muxed"] as const).map((tracks) => ({
    name: `0.5 s parts, ${tracks}`,
    settings: halfSecond(tracks),
  })),
  {
    name: "0.5 s muxed, one rendition",
    settings: settingsOf("0.5 s parts", { partMs: 500, segmentMs: 2_000 }, "muxed", 1),
  },
  { name: "0.5 s muxed, 100 viewers an isolate", settings: halfSecond("muxed"), viewersEach: 100 },
  { name: "0.5 s muxed, 1,000 viewers an isolate", settings: halfSecond("muxed"), viewersEach: 1_000 },
  { name: "0.5 s muxed, 20 % watch the past", settings: halfSecond("muxed"), dvrShare: 0.2 },
];

/** The table, and what it was computed from. */
export function costs(): {
  readonly text: string;
  readonly rows: readonly { readonly name: string; readonly dollars: number }[];
} {
  const outcomes = SETTINGS.map((setting) => [setting, run(setting)] as const);
  const sum = ({ bill }: Outcome, meter: string): string =>
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
    "together",
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
  const stream = `Cloudflare Stream's list price for the same: $${short(PRICES.streamMinute * 60 * 1e6)}`;
  return {
    text: `${table(head, rows)}\n\n${stream}`,
    rows: outcomes.map(([{ name }, { dollarsPerMillionViewerHours: dollars }]) => ({ name, dollars })),
  };
}

function run({ settings, viewersEach = 500, dvrShare = 0 }: Setting): Outcome {
  return runModel({
    ...DEFAULTS,
    settings,
    viewers: VIEWERS,
    dvrShare,
    isolates: { kind: "load", viewersEach, most: 200 },
  });
}
