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
    { figure: "viewers welcomed to the room", goal: `${viewers}`, measured: `${welcomed}`, met: welcomed === viewers },
    zero("events repeated, out of order, or after a lost position", deliveryErrors(count)),
    zero("acknowledged messages missing at their senders", count("own_missing")),
    zero("messages without an acknowledgement", count("unanswered")),
    {
      figure: "calls to the room object in its peak second",
      goal: `≤ ${MAX_ROOM_CALLS}`,
      measured: String(most),
      met: most <= MAX_ROOM_CALLS,
    },
    delays("from joining to the welcome, p50 and p99", "welcome_ms"),
    delays("from sending to display, p50 and p99", "seen_ms"),
    {
      figure: "messages acknowledged, refused; events shown, omitted by sampling",
      goal: "printed",
      measured: `${count("acknowledged")}, ${count("refused")}; ${count("shown")}, ${count("unseen")}`,
      met: null,
    },
  ];
  if (scenario === "reconnect-storm") {
    figures.push({
      figure: "viewers that lost their socket in the deployment, and reconnected",
      goal: `${viewers}, ${viewers}`,
      measured: `${count("losses")}, ${count("backs")}`,
      met: count("losses") >= viewers && count("backs") === count("losses"),
    });
    figures.push(delays("from the loss to the next welcome, p50 and p99", "back_ms"));
  }
  if (scenario === "likes-storm") {
    const counted = trend("likes_told", "max");
    figures.push({
      figure: "likes counted at the end ÷ likes sent",
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
