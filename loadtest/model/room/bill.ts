/** The cost of an hour of a room: each meter's amount times its price, without the plan's allowance. */
import { type BillItem, billItem } from "../bill.ts";
import { PRICES } from "../prices.ts";
import { frameSizes } from "./frames.ts";
import type { RoomMeasurements } from "./measurements.ts";
import type { RoomRates, SteadyRoom } from "./rates.ts";
import { sqliteRows } from "./rows.ts";

const HOUR_S = 3_600;
/** History is kept for one day of a month of thirty. */
const MONTHS_KEPT = 1 / 30;

/** The bill of an hour of a steady room with this many `objects` in memory. */
export function roomBill(
  { viewers, assumptions, placesPerSecond }: SteadyRoom,
  rates: RoomRates,
  objects: number,
  measured: RoomMeasurements,
): readonly BillItem[] {
  const hourly = (perSecond: number): number => perSecond * HOUR_S;
  const frames = (perSecond: number): number => hourly(perSecond) / PRICES.framesPerRequest;
  const rows = sqliteRows(rates, { pruned: true, objects });
  const gb = (hourly(rates.messages) * 2 * frameSizes(assumptions.textChars).event) / 1e9;
  const requests = (meter: string, amount: number): BillItem =>
    billItem(`object requests: ${meter}`, amount, "requests", PRICES.objectRequest);
  const sent = Math.max(0, rates.framesIn - rates.messages - rates.likes);
  return [
    billItem("Worker requests: sockets", hourly(rates.joins), "requests", PRICES.workerRequest),
    billItem("Worker CPU", hourly(rates.joins) * measured.joinMs, "ms", PRICES.workerCpuMs),
    requests("sockets", hourly(rates.joins)),
    requests("frames in, messages", frames(rates.messages)),
    requests("frames in, likes and reactions", frames(rates.likes)),
    requests("frames in, presence", frames(sent)),
    requests("heartbeats, answered by the platform", assumptions.heartbeatsBilled ? frames(rates.heartbeats) : 0),
    requests("calls up, commands and likes", hourly(rates.submissions + rates.relaySubmissions)),
    requests("calls up, presence reports", hourly(rates.reports + rates.relayReports)),
    requests("calls to keyrings", hourly(rates.writers)),
    requests("ticks to relays and shards", hourly(rates.delivers)),
    requests("room summary requests", hourly(placesPerSecond)),
    billItem(
      "object duration: the Live object and shields",
      objects * HOUR_S * PRICES.objectGb,
      "GB-s",
      PRICES.objectGbSecond,
    ),
    billItem("SQLite rows written: messages", hourly(rows.messages), "rows", PRICES.rowWritten),
    billItem("SQLite rows written: counts, alarms", hourly(rows.counts + rows.alarms), "rows", PRICES.rowWritten),
    billItem("SQLite rows read", hourly(rows.read), "rows", PRICES.rowRead),
    billItem("SQLite stored for a day", gb * MONTHS_KEPT, "GB", PRICES.rowGbMonth),
    billItem("egress", (viewers * rates.bytesOut * HOUR_S) / 1e9, "GB", PRICES.egressGb),
  ];
}
