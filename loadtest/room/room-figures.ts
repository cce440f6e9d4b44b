/** The room's figures of a load run, with their goals; pure. */

import type { LoadFigure } from "../figure.ts";
import type { LoadResult } from "../run.ts";
import { joinsRoom } from "../scenarios.ts";

/** Most calls of a room object in a second: half of the platform's limit. */
const MAX_ROOM_CALLS = 500;

/** The figures; empty for a run without chat. */
export function roomFigures({ options, samples, k6 }: LoadResult): LoadFigure[] {
  const { scenario, viewers } = options;
  if (!joinsRoom(scenario)) return [];
  const count = (metric: string): number => k6.metrics[`room_${metric}`]?.values["count"] ?? 0;
  const trend = (metric: string, value: string): number => k6.metrics[`room_${metric}`]?.values[value] ?? Number.NaN;
  const zero = (figure: string, measured: number): LoadFigure => ({
    figure,
    goal: "0",
    measured: String(measured),
    met: measured === 0,
  });
  const delays = (figure: string, metric: string): LoadFigure => ({
    figure,
    goal: "printed",
    measured: Number.isNaN(trend(metric, "med"))
      ? "none in this scenario"
      : `${trend(metric, "med").toFixed(0)} ms, ${trend(metric, "p(99)").toFixed(0)} ms`,
    met: null,
  });
  const most = Math.max(0, ...samples.map(({ room }) => room?.calls ?? 0));
  const welcomed = viewers - count("not_welcomed");
  const figures: LoadFigure[] = [
    { figure: "people who got into the room", goal: `${viewers}`, measured: `${welcomed}`, met: welcomed === viewers },
    zero("events that came twice, or out of order, or after which a client had to begin anew", deliveryErrors(count)),
    zero("acknowledged messages that their senders were not shown", count("own_missing")),
    zero("messages without an answer", count("unanswered")),
    {
      figure: "calls to the room object in its busiest second",
      goal: `≤ ${MAX_ROOM_CALLS}`,
      measured: String(most),
      met: most <= MAX_ROOM_CALLS,
    },
    delays("from coming to the welcome, p50 and p99", "welcome_ms"),
    delays("from sending to seeing, p50 and p99", "seen_ms"),
    {
      figure: "messages acknowledged, refused; events shown, left out as too many to read",
      goal: "printed",
      measured: `${count("acknowledged")}, ${count("refused")}; ${count("shown")}, ${count("unseen")}`,
      met: null,
    },
  ];
  if (scenario === "reconnect-storm") {
    figures.push({
      figure: "people who lost their socket to the deployment, and came back",
      goal: `${viewers}, ${viewers}`,
      measured: `${count("losses")}, ${count("backs")}`,
      met: count("losses") >= viewers && count("backs") === count("losses"),
    });
    figures.push(delays("from the loss to the next welcome, p50 and p99", "back_ms"));
  }
  if (scenario === "likes-storm") {
    const counted = trend("likes_told", "max");
    figures.push({
      figure: "likes told at the end ÷ likes tapped",
      goal: "1",
      measured: `${(counted / Math.max(1, count("taps"))).toFixed(3)} (${counted} ÷ ${count("taps")})`,
      met: counted === count("taps"),
    });
  }
  return figures;
}

function deliveryErrors(count: (metric: string) => number): number {
  return count("duplicates") + count("disorders") + count("resets");
}
