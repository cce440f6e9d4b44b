/** Runs of the room's model as tables of Markdown. */
import { batchIntervalMs, roomTreeDepth, siblingCount } from "../../../core/room/sharding.ts";
import { type LimitCheck, utilization } from "../limits.ts";
import { billTable, formatScaled, markdownTable } from "../print.ts";
import type { PlacementResult } from "./join-storm.ts";
import type { RoomModelOutcome } from "./run.ts";

const formatMs = (value: number): string => `${value.toFixed(0)} ms`;
const formatSeconds = (value: number | null): string => (value === null ? "never" : `${value.toFixed(1)} s`);

/** All that a run shows. */
export function describeRoom(outcome: RoomModelOutcome): string {
  const { options, arrival, rates, loads, delays, unlimitedCallDelays, bill, checks, firstLimit, firstStormLimit } =
    outcome;
  const { viewers, curve, assumptions, withoutRelays } = options;
  const tiers = withoutRelays ? 1 : roomTreeDepth(arrival.shards);
  return [
    `the room: ${formatScaled(viewers)} viewers, curve ${curve}, ${arrival.shards} shards, ${tiers} tiers below the room`,
    `assumed: a viewer writes ${assumptions.chatPerMinute} messages of ${assumptions.textChars} characters and sends ${assumptions.likesPerMinute} frames of taps in a minute, and stays ${assumptions.stayS} s; an object takes on ${formatScaled(assumptions.joinsPerSecond)} sockets a second and makes ${formatScaled(assumptions.concurrentCalls)} calls at once`,
    placementTable(outcome),
    markdownTable(
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
        formatScaled(Math.round(load.sockets)),
        formatScaled(load.requests),
        formatScaled(load.callsOut),
        formatScaled(load.framesIn),
        formatScaled(load.framesOut),
        formatScaled(load.messagesDelivered),
        formatScaled(load.bytesOut),
        formatScaled(load.memoryBytes),
        formatScaled(load.residentBytes),
        load.core.toFixed(3),
      ]),
    ),
    markdownTable(
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
          formatScaled(rates.messages),
          formatScaled(rates.shownMessages),
          formatScaled(rates.likes),
          formatScaled(rates.submissions),
          formatScaled(rates.reports),
          formatScaled(rates.ticks),
          formatScaled(rates.delivers),
          formatScaled(outcome.placesPerSecond),
          formatScaled(rates.bytesOut),
        ],
      ],
    ),
    markdownTable(
      ["message sent → seen", "p50", "p90", "p99", ...Object.keys(delays.steps)],
      [
        [`${formatScaled(assumptions.concurrentCalls)} calls at once`, delays] as const,
        ["calls without that limit", unlimitedCallDelays] as const,
      ].map(([name, of]) => [
        name,
        formatMs(of.p50),
        formatMs(of.p90),
        formatMs(of.p99),
        ...Object.values(of.steps).map(formatMs),
      ]),
    ),
    `shards gather for ${formatMs(batchIntervalMs(siblingCount(arrival.shards)))}`,
    billTable(bill, outcome),
    markdownTable(
      ["limit, the fullest ten", "value", "bound", "full"],
      checks
        .toSorted((a, b) => utilization(b) - utilization(a))
        .slice(0, 10)
        .map((check) => [
          check.limit,
          `${formatScaled(check.value)} ${check.unit}`,
          formatScaled(check.bound),
          formatUtilization(check),
        ]),
    ),
    `once all have come, ${describeFirstLimit(firstLimit)}`,
    `in a storm, ${describeFirstLimit(firstStormLimit)}`,
  ].join("\n\n");
}

/** How full a bound is. */
export const formatUtilization = (check: LimitCheck): string => `${(100 * utilization(check)).toFixed(0)} %`;

const describeFirstLimit = (check: LimitCheck): string =>
  `${utilization(check) > 1 ? "breaks first" : "nothing breaks; the fullest"}: ${check.limit}, ${formatScaled(check.value)} of ${formatScaled(check.bound)} ${check.unit}`;

function placementTable({ arrival, back }: RoomModelOutcome): string {
  const row = (name: string, seating: PlacementResult): string[] => [
    name,
    formatSeconds(seating.halfS),
    formatSeconds(seating.almostAllS),
    formatScaled(seating.peakJoins),
    formatScaled(seating.peakPlaces),
    formatScaled(seating.failed),
    formatScaled(seating.redirected),
    formatScaled(seating.unplaced),
  ];
  return markdownTable(
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
