/** Results of the room's model as Markdown tables. */
import { batchIntervalMs, roomTreeDepth, siblingCount } from "../../../core/room/sharding.ts";
import { type LimitCheck, utilization } from "../limits.ts";
import { billTable, formatScaled, markdownTable } from "../print.ts";
import type { PlacementResult } from "./join-storm.ts";
import type { RoomModelOutcome } from "./run.ts";

const formatMs = (value: number): string => `${value.toFixed(0)} ms`;
const formatSeconds = (value: number | null): string => (value === null ? "never" : `${value.toFixed(1)} s`);

/** The report of a run. */
export function describeRoom(outcome: RoomModelOutcome): string {
  const { options, arrival, rates, loads, delays, unlimitedCallDelays, bill, checks, firstLimit, firstStormLimit } =
    outcome;
  const { viewers, curve, assumptions, withoutRelays } = options;
  const tiers = withoutRelays ? 1 : roomTreeDepth(arrival.shards);
  return [
    `room: ${formatScaled(viewers)} viewers, curve ${curve}, ${arrival.shards} shards, ${tiers} tiers below the room`,
    `assumptions: a viewer sends ${assumptions.chatPerMinute} messages of ${assumptions.textChars} characters and ${assumptions.likesPerMinute} frames of likes per minute, and stays ${assumptions.stayS} s; an object accepts ${formatScaled(assumptions.joinsPerSecond)} sockets per second and makes ${formatScaled(assumptions.concurrentCalls)} concurrent calls`,
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
        "per second, in total",
        "messages",
        "shown",
        "likes and reactions",
        "calls with messages and likes",
        "presence reports",
        "ticks",
        "calls down",
        "room summary requests",
        "bytes per viewer",
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
      ["message sent → displayed", "p50", "p90", "p99", ...Object.keys(delays.steps)],
      [
        [`${formatScaled(assumptions.concurrentCalls)} concurrent calls`, delays] as const,
        ["without call limit", unlimitedCallDelays] as const,
      ].map(([name, of]) => [
        name,
        formatMs(of.p50),
        formatMs(of.p90),
        formatMs(of.p99),
        ...Object.values(of.steps).map(formatMs),
      ]),
    ),
    `batch interval of shards: ${formatMs(batchIntervalMs(siblingCount(arrival.shards)))}`,
    billTable(bill, outcome),
    markdownTable(
      ["limit, the ten fullest", "value", "bound", "full"],
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
    `once all viewers have joined, ${describeFirstLimit(firstLimit)}`,
    `during a storm, ${describeFirstLimit(firstStormLimit)}`,
  ].join("\n\n");
}

/** Utilization in percent. */
export const formatUtilization = (check: LimitCheck): string => `${(100 * utilization(check)).toFixed(0)} %`;

const describeFirstLimit = (check: LimitCheck): string =>
  `${utilization(check) > 1 ? "breaks first" : "within limits; fullest"}: ${check.limit}, ${formatScaled(check.value)} of ${formatScaled(check.bound)} ${check.unit}`;

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
      "connections",
      "half connected",
      "99.9 % connected",
      "socket requests at one shard, peak second",
      "room summary requests, peak second",
      "failed attempts",
      "redirected",
      "not connected",
    ],
    [row("join", arrival), row("reconnection of all", back)],
  );
}
