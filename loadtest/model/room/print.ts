/** Runs of the room's model as tables of Markdown. */
import { gatherMs, siblings, treeDepth } from "../../../protocol/room/shards.ts";
import { type Check, fullness } from "../limits.ts";
import { billTable, short, table } from "../print.ts";
import type { RoomOutcome } from "./run.ts";
import type { Seating } from "./seating.ts";

const ms = (value: number): string => `${value.toFixed(0)} ms`;
const seconds = (value: number | null): string => (value === null ? "never" : `${value.toFixed(1)} s`);

/** All that a run shows. */
export function describeRoom(outcome: RoomOutcome): string {
  const { options, arrival, rates, loads, delays, unpaced, bill, checks, first, firstInStorm } = outcome;
  const { viewers, curve, assumed, flat } = options;
  const tiers = flat ? 1 : treeDepth(arrival.shards);
  return [
    `the room: ${short(viewers)} viewers, curve ${curve}, ${arrival.shards} shards, ${tiers} tiers below the room`,
    `assumed: a viewer writes ${assumed.chatPerMinute} messages of ${assumed.textChars} characters and sends ${assumed.tapsPerMinute} frames of taps in a minute, and stays ${assumed.stayS} s; an object takes on ${short(assumed.joinsPerSecond)} sockets a second and makes ${short(assumed.callsAtOnce)} calls at once`,
    seatingTable(outcome),
    table(
      [
        "object",
        "objects",
        "sockets",
        "requests/s",
        "calls out/s",
        "frames in/s",
        "frames out/s",
        "messages delivered/s",
        "bytes/s out",
        "heap",
        "resident",
        "core",
      ],
      loads.map((load) => [
        load.object,
        String(load.objects),
        short(Math.round(load.sockets)),
        short(load.requests),
        short(load.callsOut),
        short(load.framesIn),
        short(load.framesOut),
        short(load.delivered),
        short(load.bytesOut),
        short(load.memoryBytes),
        short(load.residentBytes),
        load.core.toFixed(3),
      ]),
    ),
    table(
      [
        "a second, all together",
        "messages",
        "shown",
        "likes and reactions",
        "calls with them",
        "reports",
        "ticks",
        "calls down",
        "where to?",
        "bytes to a viewer",
      ],
      [
        [
          "",
          short(rates.messages),
          short(rates.shown),
          short(rates.taps),
          short(rates.submissions),
          short(rates.reports),
          short(rates.ticks),
          short(rates.delivers),
          short(outcome.placesPerSecond),
          short(rates.bytesOut),
        ],
      ],
    ),
    table(
      ["message sent → seen", "p50", "p90", "p99", ...Object.keys(delays.steps)],
      [
        [`${short(assumed.callsAtOnce)} calls at once`, delays] as const,
        ["calls without that limit", unpaced] as const,
      ].map(([name, of]) => [name, ms(of.p50), ms(of.p90), ms(of.p99), ...Object.values(of.steps).map(ms)]),
    ),
    `shards gather for ${ms(gatherMs(siblings(arrival.shards)))}`,
    billTable(bill, outcome),
    table(
      ["limit, the fullest ten", "value", "bound", "full"],
      checks
        .toSorted((a, b) => fullness(b) - fullness(a))
        .slice(0, 10)
        .map((check) => [check.limit, `${short(check.value)} ${check.unit}`, short(check.bound), percent(check)]),
    ),
    `once all have come, ${verdict(first)}`,
    `in a storm, ${verdict(firstInStorm)}`,
  ].join("\n\n");
}

/** How full a bound is. */
export const percent = (check: Check): string => `${(100 * fullness(check)).toFixed(0)} %`;

const verdict = (check: Check): string =>
  `${fullness(check) > 1 ? "breaks first" : "nothing breaks; the fullest"}: ${check.limit}, ${short(check.value)} of ${short(check.bound)} ${check.unit}`;

function seatingTable({ arrival, back }: RoomOutcome): string {
  const row = (name: string, seating: Seating): string[] => [
    name,
    seconds(seating.halfS),
    seconds(seating.mostS),
    short(seating.peakJoins),
    short(seating.peakPlaces),
    short(seating.failed),
    short(seating.sentAway),
    short(seating.without),
  ];
  return table(
    [
      "seats",
      "half have one",
      "99.9 %",
      "sockets asked for at a shard, busiest second",
      "where to?, busiest second",
      "tries that failed",
      "sent away",
      "left without",
    ],
    [row("they come", arrival), row("all come back", back)],
  );
}
