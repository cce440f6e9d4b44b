/** The cost of an hour: each meter's amount times its price, without the plan's allowance. */
import { PRICES } from "./prices.ts";
import {
  type BroadcastSettings,
  joinRequests,
  publisherRequestsPerSecond,
  trackBytesPerSecond,
  viewerRequestsPerSecond,
} from "./settings.ts";

/** An hour of a broadcast. */
export interface BroadcastHour {
  readonly settings: BroadcastSettings;
  /** Viewers throughout the hour. */
  readonly viewers: number;
  /** Objects in memory: the Live object and shields. */
  readonly objects: number;
  /** Feed requests per second, at all objects together. */
  readonly feedsPerSecond: number;
  /** A Worker's CPU per request. */
  readonly hitMs: number;
  /** CPU of a viewer by flow per second, milliseconds; 0 for viewers that request parts. */
  readonly flowMs: number;
  /** Share of the viewers behind live, 0 to 1. */
  readonly dvrShare: number;
  /** Data centres, each of which reads an old segment from R2 once. */
  readonly colos: number;
}

/** A meter's amount and its cost. */
export interface BillItem {
  readonly meter: string;
  readonly amount: number;
  readonly unit: string;
  readonly dollars: number;
}

/** Duration of a visit: each viewer who leaves is replaced. */
export const VIEWER_STAY_S = 900;
/** The watch page's status interval. */
export const STATUS_POLL_S = 12.5;
const LIVE_REQUESTS = "Worker requests: live, a playlist and a part";
const FLOW_REQUESTS = "Worker requests: flow, after the join";
/** Months of storage. */
const MONTHS = 1;

/** The bill of an hour. */
export function broadcastBill(hour: BroadcastHour): readonly BillItem[] {
  const { settings, viewers, objects, feedsPerSecond, hitMs, flowMs, dvrShare, colos } = hour;
  const tracks = settings.tracks.length;
  const published = publisherRequestsPerSecond(settings) * 3_600;
  const segments = (3_600_000 / settings.segmentMs) * tracks;
  const live = viewers * (1 - dvrShare) * viewerRequestsPerSecond(settings) * 3_600;
  const perSegment = settings.partMs / settings.segmentMs;
  const past = viewers * dvrShare * viewerRequestsPerSecond(settings) * perSegment * 3_600;
  const joins = (viewers * 3_600 * joinRequests(settings)) / VIEWER_STAY_S;
  // By flow the status rides in the response.
  const state = settings.flow === undefined ? (viewers * 3_600) / STATUS_POLL_S : 0;
  const requests = live + past + joins + state + published;
  const watched = viewers * (1 - dvrShare) * 3_600;
  const storedGb = (trackBytesPerSecond(settings, -1) * 3_600) / 1e9;
  const read = dvrShare === 0 ? 0 : segments * colos;
  return [
    billItem(settings.flow === undefined ? LIVE_REQUESTS : FLOW_REQUESTS, live, "requests", PRICES.workerRequest),
    billItem("Worker requests: behind live, a playlist and a segment", past, "requests", PRICES.workerRequest),
    billItem("Worker requests: joins", joins, "requests", PRICES.workerRequest),
    billItem("Worker requests: status of the watch page", state, "requests", PRICES.workerRequest),
    billItem("Worker requests: the publisher's media", published, "requests", PRICES.workerRequest),
    billItem("Worker CPU", requests * hitMs + watched * flowMs, "ms", PRICES.workerCpuMs),
    billItem("object requests: the publisher's media", published, "requests", PRICES.objectRequest),
    billItem("object requests: feeds", feedsPerSecond * 3_600, "requests", PRICES.objectRequest),
    billItem(
      "object duration: the Live object and shields",
      objects * 3_600 * PRICES.objectGb,
      "GB-s",
      PRICES.objectGbSecond,
    ),
    billItem("SQLite rows written: a segment and its index", 2 * segments, "rows", PRICES.rowWritten),
    billItem("R2 writes: segments", segments, "writes", PRICES.r2ClassA),
    billItem("R2 reads: segments behind live", read, "reads", PRICES.r2ClassB),
    billItem("R2 stored for a month", storedGb * MONTHS, "GB", PRICES.r2GbMonth),
  ];
}

/** Dollars of a bill. */
export const dollarsOf = (items: readonly BillItem[]): number => items.reduce((sum, { dollars }) => sum + dollars, 0);

/** Dollars of a bill for a million viewer-hours. */
export const perMillionViewerHours = (
  items: readonly BillItem[],
  { viewers }: Pick<BroadcastHour, "viewers">,
): number => (dollarsOf(items) * 1e6) / viewers;

/** An amount of a meter at a price. */
export function billItem(meter: string, amount: number, unit: string, price: number): BillItem {
  return { meter, amount, unit, dollars: amount * price };
}
