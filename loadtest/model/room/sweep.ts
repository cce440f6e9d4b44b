/** Sweep of the room from ten thousand to ten million viewers; cost of chat; plots. */
import type { Plot } from "../plot.ts";
import { formatScaled, markdownTable } from "../print.ts";
import { SWEEP_VIEWERS } from "../sweep.ts";
import { CHAT_RANGE } from "./assumptions.ts";
import { formatUtilization } from "./print.ts";
import { type RoomModelOptions, type RoomModelOutcome, runRoomModel } from "./run.ts";

/** Runs the sweep; `say` is called for each size. */
export function sweepRoom(options: RoomModelOptions, onProgress: (line: string) => void): readonly RoomModelOutcome[] {
  return SWEEP_VIEWERS.map((viewers) => {
    onProgress(`room of ${formatScaled(viewers)} viewers …`);
    return runRoomModel({ ...options, viewers });
  });
}

/** A sweep as tables: loads of the room, and joins. */
export function roomSweepTables(outcomes: readonly RoomModelOutcome[]): string {
  const load = ({ loads }: RoomModelOutcome, object: string): string => {
    const of = loads.find((one) => one.object === object);
    return of === undefined ? "none" : `${formatScaled(of.requests)}/s, ${of.core.toFixed(2)} cores`;
  };
  const s = (value: number | null): string => (value === null ? "never" : `${value.toFixed(0)} s`);
  return [
    markdownTable(
      [
        "viewers",
        "shards, relays",
        "sockets: mean, most",
        "messages/s: in, shown",
        "room",
        "fullest shard",
        "delay p50, p99",
        "without call limit",
        "1M viewer-hours",
        "fullest limit",
      ],
      outcomes.map((outcome) => [
        formatScaled(outcome.options.viewers),
        `${outcome.arrival.shards}, ${outcome.rates.relays}`,
        outcome.loads
          .filter(({ sockets }) => sockets > 0)
          .map(({ sockets }) => formatScaled(Math.round(sockets)))
          .join(", "),
        `${formatScaled(outcome.rates.messages)}, ${formatScaled(outcome.rates.shownMessages)}`,
        load(outcome, "room"),
        load(outcome, "fullest shard"),
        `${outcome.delays.p50.toFixed(0)} ms, ${outcome.delays.p99.toFixed(0)} ms`,
        `${outcome.unlimitedCallDelays.p50.toFixed(0)} ms, ${outcome.unlimitedCallDelays.p99.toFixed(0)} ms`,
        `$${outcome.dollarsPerMillionViewerHours.toFixed(2)}`,
        `${outcome.firstLimit.limit}: ${formatUtilization(outcome.firstLimit)}`,
      ]),
    ),
    markdownTable(
      [
        "viewers",
        "half, most connected",
        "not connected",
        "socket requests at one shard, peak second",
        "room summary requests, peak second",
        "all reconnected within",
      ],
      outcomes.map(({ options, arrival, back }) => [
        formatScaled(options.viewers),
        `${s(arrival.halfS)}, ${s(arrival.almostAllS)}`,
        formatScaled(arrival.unplaced),
        formatScaled(arrival.peakJoins),
        formatScaled(Math.max(arrival.peakPlaces, back.peakPlaces)),
        s(back.almostAllS),
      ]),
    ),
  ].join("\n\n");
}

/** The cost of the room per million viewer-hours, by message rate. */
export function compareRoomCosts(options: RoomModelOptions): {
  readonly text: string;
  readonly rows: readonly CostRow[];
} {
  const settings = [
    ...CHAT_RANGE.map((chatPerMinute) => ({
      name: `${chatPerMinute} messages/viewer-minute`,
      assumed: { chatPerMinute },
    })),
    { name: "no messages or likes", assumed: { chatPerMinute: 0, likesPerMinute: 0 } },
    { name: "five times as many likes", assumed: { likesPerMinute: 5 * options.assumptions.likesPerMinute } },
    { name: "heartbeats billed as frames", assumed: { heartbeatsBilled: true } },
    { name: "visits of 5 minutes", assumed: { stayS: 300 } },
  ];
  const sizes = [SWEEP_VIEWERS[0], SWEEP_VIEWERS[2]].filter((size) => size !== undefined);
  const rows = sizes.flatMap((viewers) =>
    settings.map(({ name, assumed }): CostRow => {
      const { bill, dollarsPerMillionViewerHours } = runRoomModel({
        ...options,
        viewers,
        assumptions: { ...options.assumptions, ...assumed },
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
  const text = markdownTable(
    ["viewers", "setting", "Worker", "object requests", "object duration", "SQLite", "total"],
    rows.map((row) => [
      formatScaled(row.viewers),
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

/** The plots of a sweep by file name. */
export function roomPlots(outcomes: readonly RoomModelOutcome[]): Readonly<Record<string, Plot>> {
  const x = {
    label: "viewers",
    log: true,
    ticks: outcomes.map(({ options }) => ({ at: options.viewers, text: formatScaled(options.viewers) })),
  };
  const line = (name: string, y: (outcome: RoomModelOutcome) => number): Plot["lines"][number] => ({
    name,
    points: outcomes.map((outcome) => ({ x: outcome.options.viewers, y: y(outcome) })),
  });
  const per = (meter: RegExp) => (outcome: RoomModelOutcome) =>
    outcome.bill.reduce((sum, item) => sum + (meter.test(item.meter) ? item.dollars : 0), 0) *
    (1e6 / outcome.options.viewers);
  return {
    "scale-room-calls": {
      title: "Calls of shards to the room, and of the room to a shard",
      x,
      y: { label: "per second" },
      lines: [
        line("commands and likes", ({ rates }) => rates.submissions),
        line("presence reports", ({ rates }) => rates.reports),
        line("room summary", ({ placesPerSecond }) => placesPerSecond),
        line("calls to a shard", ({ rates }) => rates.calls),
      ],
    },
    "scale-room-delay": {
      title: "Delay from sending a message to its display",
      x,
      y: { label: "milliseconds" },
      lines: [
        line("p99", ({ delays }) => delays.p99),
        line("p50", ({ delays }) => delays.p50),
        line("p99, no call limit", ({ unlimitedCallDelays }) => unlimitedCallDelays.p99),
        line("p50, no call limit", ({ unlimitedCallDelays }) => unlimitedCallDelays.p50),
      ],
    },
    "scale-room-bill": {
      title: "Cost of the room per million viewer-hours",
      x,
      y: { label: "dollars" },
      lines: [
        line("total", ({ dollarsPerMillionViewerHours }) => dollarsPerMillionViewerHours),
        line("SQLite", per(/^SQLite/)),
        line("object requests", per(/^object requests/)),
        line("object duration", per(/^object duration/)),
      ],
    },
  };
}
