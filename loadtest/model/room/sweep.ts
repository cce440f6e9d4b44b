/** The room from ten thousand viewers on, each time ten times as many; what chat costs; plots. */
import type { Plot } from "../plot.ts";
import { short, table } from "../print.ts";
import { SIZES } from "../sweep.ts";
import { CHAT_RANGE } from "./assumptions.ts";
import { percent } from "./print.ts";
import { type RoomOptions, type RoomOutcome, runRoom } from "./run.ts";

/** Runs the sweep; `say` is told of each size. */
export function sweepRoom(options: RoomOptions, say: (line: string) => void): readonly RoomOutcome[] {
  return SIZES.map((viewers) => {
    say(`the room of ${short(viewers)} viewers …`);
    return runRoom({ ...options, viewers });
  });
}

/** A sweep as tables: what the room bears, and how people get in. */
export function roomSweepTables(outcomes: readonly RoomOutcome[]): string {
  const load = ({ loads }: RoomOutcome, object: string): string => {
    const of = loads.find((one) => one.object === object);
    return of === undefined ? "none" : `${short(of.requests)}/s, ${of.core.toFixed(2)} cores`;
  };
  const s = (value: number | null): string => (value === null ? "never" : `${value.toFixed(0)} s`);
  return [
    table(
      [
        "viewers",
        "shards, relays",
        "sockets: mean, most",
        "messages/s: in, shown",
        "the room",
        "the fullest shard",
        "delay p50, p99",
        "without the limit on calls",
        "1M viewer-hours",
        "the fullest limit",
      ],
      outcomes.map((outcome) => [
        short(outcome.options.viewers),
        `${outcome.arrival.shards}, ${outcome.rates.relays}`,
        outcome.loads
          .filter(({ sockets }) => sockets > 0)
          .map(({ sockets }) => short(Math.round(sockets)))
          .join(", "),
        `${short(outcome.rates.messages)}, ${short(outcome.rates.shown)}`,
        load(outcome, "room"),
        load(outcome, "fullest shard"),
        `${outcome.delays.p50.toFixed(0)} ms, ${outcome.delays.p99.toFixed(0)} ms`,
        `${outcome.unpaced.p50.toFixed(0)} ms, ${outcome.unpaced.p99.toFixed(0)} ms`,
        `$${outcome.dollarsPerMillionViewerHours.toFixed(2)}`,
        `${outcome.first.limit}: ${percent(outcome.first)}`,
      ]),
    ),
    table(
      [
        "viewers",
        "half, most in their seats",
        "without a seat",
        "sockets asked for at a shard, busiest second",
        "where to?, busiest second",
        "all come back within",
      ],
      outcomes.map(({ options, arrival, back }) => [
        short(options.viewers),
        `${s(arrival.halfS)}, ${s(arrival.mostS)}`,
        short(arrival.without),
        short(arrival.peakJoins),
        short(Math.max(arrival.peakPlaces, back.peakPlaces)),
        s(back.mostS),
      ]),
    ),
  ].join("\n\n");
}

/** What a million viewer-hours of the room cost, by how much people write. */
export function roomCosts(options: RoomOptions): { readonly text: string; readonly rows: readonly CostRow[] } {
  const settings = [
    ...CHAT_RANGE.map((chatPerMinute) => ({
      name: `${chatPerMinute} messages a viewer-minute`,
      assumed: { chatPerMinute },
    })),
    { name: "nobody writes or likes", assumed: { chatPerMinute: 0, tapsPerMinute: 0 } },
    { name: "five times the likes", assumed: { tapsPerMinute: 5 * options.assumed.tapsPerMinute } },
    { name: "beats billed as frames", assumed: { beatsBilled: true } },
    { name: "people stay 5 minutes", assumed: { stayS: 300 } },
  ];
  const sizes = [SIZES[0], SIZES[2]].filter((size) => size !== undefined);
  const rows = sizes.flatMap((viewers) =>
    settings.map(({ name, assumed }): CostRow => {
      const { bill, dollarsPerMillionViewerHours } = runRoom({
        ...options,
        viewers,
        assumed: { ...options.assumed, ...assumed },
      });
      const scale = 1e6 / viewers;
      const of = (meter: RegExp): number =>
        bill.reduce((sum, item) => sum + (meter.test(item.meter) ? item.dollars * scale : 0), 0);
      return {
        viewers,
        name,
        worker: of(/^Worker/),
        requests: of(/^object requests/),
        duration: of(/^object duration/),
        sqlite: of(/^SQLite/),
        together: dollarsPerMillionViewerHours,
      };
    }),
  );
  const dollars = (value: number): string => `$${value.toFixed(2)}`;
  const text = table(
    ["viewers", "setting", "Worker", "object requests", "object duration", "SQLite", "together"],
    rows.map((row) => [
      short(row.viewers),
      row.name,
      ...[row.worker, row.requests, row.duration, row.sqlite, row.together].map(dollars),
    ]),
  );
  return { text, rows };
}

/** Dollars for a million viewer-hours. */
interface CostRow {
  readonly viewers: number;
  readonly name: string;
  readonly worker: number;
  readonly requests: number;
  readonly duration: number;
  readonly sqlite: number;
  readonly together: number;
}

/** The plots of a sweep by the names of their files. */
export function roomPlots(outcomes: readonly RoomOutcome[]): Readonly<Record<string, Plot>> {
  const x = {
    label: "viewers",
    log: true,
    ticks: outcomes.map(({ options }) => ({ at: options.viewers, text: short(options.viewers) })),
  };
  const line = (name: string, y: (outcome: RoomOutcome) => number): Plot["lines"][number] => ({
    name,
    points: outcomes.map((outcome) => ({ x: outcome.options.viewers, y: y(outcome) })),
  });
  const per = (meter: RegExp) => (outcome: RoomOutcome) =>
    outcome.bill.reduce((sum, item) => sum + (meter.test(item.meter) ? item.dollars : 0), 0) *
    (1e6 / outcome.options.viewers);
  return {
    "scale-room-calls": {
      title: "Calls of shards to the room, and of the room to a shard",
      x,
      y: { label: "a second" },
      lines: [
        line("what was done", ({ rates }) => rates.submissions),
        line("who watches", ({ rates }) => rates.reports),
        line("where to?", ({ placesPerSecond }) => placesPerSecond),
        line("calls to a shard", ({ rates }) => rates.calls),
      ],
    },
    "scale-room-delay": {
      title: "From a message's sending to its being seen",
      x,
      y: { label: "milliseconds" },
      lines: [
        line("p99", ({ delays }) => delays.p99),
        line("p50", ({ delays }) => delays.p50),
        line("p99, no call limit", ({ unpaced }) => unpaced.p99),
        line("p50, no call limit", ({ unpaced }) => unpaced.p50),
      ],
    },
    "scale-room-bill": {
      title: "The room's bill of a million viewer-hours",
      x,
      y: { label: "dollars" },
      lines: [
        line("together", ({ dollarsPerMillionViewerHours }) => dollarsPerMillionViewerHours),
        line("SQLite", per(/^SQLite/)),
        line("object requests", per(/^object requests/)),
        line("object duration", per(/^object duration/)),
      ],
    },
  };
}
