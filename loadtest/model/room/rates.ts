/** Rates in a room whose viewers have all joined: at the room, its relays and its shards. */

import type { Random } from "../../../core/kit/clock.ts";
import type { TokenBucket } from "../../../core/kit/token-bucket.ts";
import { ROOM_CLIENT_LIMITS } from "../../../core/room/client/client-limits.ts";
import { sampleForDisplay } from "../../../core/room/display-sampling.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  batchIntervalMs,
  relayCount as relaysOf,
  reportIntervalMs,
  siblingCount as siblingsOf,
  tickIntervalMs as tickMsOf,
  tickParts,
} from "../../../core/room/sharding.ts";
import type { RoomAssumptions } from "./assumptions.ts";
import { frameSizes } from "./frames.ts";

/** A steady room. */
export interface SteadyRoom {
  readonly viewers: number;
  readonly shards: number;
  readonly assumptions: RoomAssumptions;
  /** A round trip between two objects, ms. */
  readonly hopMs: number;
  /** Sending one frame to one socket, ms. */
  readonly sendMs: number;
  /**
   * Other work on the room's thread in each tick, ms: none, unless it shares a thread with its shards. A
   * call arrives at a random moment of it, and waits for half of it.
   */
  readonly sharedMs: number;
  /** Room summary requests of isolates, per second. */
  readonly placesPerSecond: number;
  /** Whether the room calls every shard directly. */
  readonly withoutRelays: boolean;
}

/** Rates per second, of all objects of a kind together unless stated otherwise. */
export interface RoomRates {
  readonly messages: number;
  readonly likes: number;
  readonly joins: number;
  /** First-time writers in the room: each gets a key. */
  readonly writers: number;
  /** Displayed messages: the same sample for all viewers. */
  readonly shownMessages: number;
  /** Deliveries per second to each viewer. */
  readonly ticks: number;
  /** Calls per second to each child of the room: as many as ticks, or more with cohorts. */
  readonly calls: number;
  /** Calls at the room with commands and with reports; and those at relays. */
  readonly submissions: number;
  readonly reports: number;
  readonly relaySubmissions: number;
  readonly relayReports: number;
  readonly relays: number;
  /** Children of the room, and of each relay. */
  readonly roomChildren: number;
  readonly relayChildren: number;
  /** Calls downwards: to relays and to shards. */
  readonly delivers: number;
  /** `play` frames of viewers; all frames of viewers, except heartbeats; and heartbeats. */
  readonly playFrames: number;
  readonly framesIn: number;
  readonly heartbeats: number;
  /** Frames and bytes to one viewer. */
  readonly framesOut: number;
  readonly bytesOut: number;
}

/** An unchanged count is reported again after this time; see `shard-presence.ts`. */
const REPORT_EVERY_MS = 10_000;

/** All rates. */
export function roomRates(standing: SteadyRoom, random: Random): RoomRates {
  const { viewers, assumptions } = standing;
  const came = {
    messages: (viewers * assumptions.chatPerMinute) / 60,
    likes: (viewers * assumptions.likesPerMinute) / 60,
    joins: viewers / assumptions.stayS,
  };
  const between = objectCallRates(standing, came);
  const { messages, likes, joins } = came;
  const { ticks } = between;
  const shown = shownPerSecond(messages, tickMsOf(viewers), random);
  const { event, tick, ack, welcome } = frameSizes(assumptions.textChars);
  const perViewer = (rate: number): number => rate / viewers;
  const bytesOut = ticks * tick + shown * event + perViewer(messages) * ack + perViewer(joins) * welcome;
  const plays = (viewers * 1_000) / (ROOM_LIMITS.heartbeatEveryMs * ROOM_CLIENT_LIMITS.heartbeatsPerPlayFrame);
  const seen = bytesOut / ROOM_LIMITS.flowAckEveryChars;
  return {
    ...came,
    writers: joins * (1 - Math.exp((-assumptions.chatPerMinute * assumptions.stayS) / 60)),
    ...between,
    shownMessages: shown,
    playFrames: plays,
    framesIn: messages + likes + joins + plays + viewers * seen,
    heartbeats: (viewers * 1_000) / ROOM_LIMITS.heartbeatEveryMs,
    framesOut: ticks + perViewer(messages) + perViewer(joins),
    bytesOut,
  };
}

/** Constants of calls between objects. */
type ObjectCallRates = Pick<
  RoomRates,
  | "submissions"
  | "reports"
  | "relaySubmissions"
  | "relayReports"
  | "relays"
  | "roomChildren"
  | "relayChildren"
  | "ticks"
  | "calls"
  | "delivers"
>;

function objectCallRates(
  standing: SteadyRoom,
  { messages, likes, joins }: Pick<RoomRates, "messages" | "likes" | "joins">,
): ObjectCallRates {
  const { shards, assumptions, hopMs, sharedMs, withoutRelays } = standing;
  const relays = withoutRelays ? 0 : relaysOf(shards);
  const siblings = withoutRelays ? shards : siblingsOf(shards);
  const storedMs = hopMs + assumptions.storeMs + sharedMs / 2;
  const things = messages + likes;
  // A relay answers after the room has answered it.
  const answerMs = relays > 0 ? batchIntervalMs(relays) + hopMs + storedMs : storedMs;
  const fromShards = shards * submissionsPerSecond(things / shards, batchIntervalMs(siblings), answerMs);
  const countsOfShards = shards * reportsPerSecond((2 * joins) / shards, reportIntervalMs(siblings));
  // Relays batch their shards' calls; without relays shards call the room.
  const callers = relays > 0 ? relays : shards;
  const bringing = relays > 0 ? fromShards : things;
  const submissions =
    relays > 0 ? relays * submissionsPerSecond(bringing / relays, batchIntervalMs(relays), storedMs) : fromShards;
  const reports =
    relays > 0 ? relays * reportsPerSecond(countsOfShards / relays, reportIntervalMs(relays)) : countsOfShards;
  const roomChildren = callers;
  const relayChildren = relays > 0 ? Math.ceil(shards / relays) : 0;
  const perSecond = (everyMs: number): number => {
    const silent = quietShare(bringing / callers, batchIntervalMs(callers), storedMs, everyMs) ** callers;
    return ticksPerSecond(submissions + reports, everyMs, silent * Math.exp((-reports * everyMs) / 1_000));
  };
  const ticks = perSecond(tickEveryMs(standing, roomChildren, relayChildren));
  const calls = perSecond(callEveryMs(standing, roomChildren, relayChildren));
  return {
    submissions,
    reports,
    relaySubmissions: relays > 0 ? fromShards : 0,
    relayReports: relays > 0 ? countsOfShards : 0,
    relays,
    roomChildren,
    relayChildren,
    ticks,
    calls,
    delivers: calls * roomChildren + ticks * relays * relayChildren,
  };
}

/** The least time for one object to call this many others, with this concurrency. */
export function paceMs(children: number, { assumptions, hopMs }: Pick<SteadyRoom, "assumptions" | "hopMs">): number {
  return children <= assumptions.concurrentCalls ? 0 : (children / assumptions.concurrentCalls) * hopMs;
}

/**
 * Calls per second of a shard at this rate of commands: the first one waits for the others for `gather`, and
 * commands that arrive during a call wait for the next batch.
 */
export function submissionsPerSecond(things: number, gather: number, callMs: number): number {
  if (things === 0) return 0;
  const duringCall = 1 - Math.exp((-things * callMs) / 1_000);
  const idleMs = (1 - duringCall) * (1_000 / things);
  return 1_000 / (gather + callMs + idleMs);
}

/** Reports per second of a shard at this rate of changes: it counts every `count` ms, and reports changes. */
export function reportsPerSecond(changes: number, count: number): number {
  const changed = 1 - Math.exp((-changes * count) / 1_000);
  return Math.max((changed * 1_000) / count, 1_000 / Math.max(count, REPORT_EVERY_MS));
}

/**
 * The least time between two calls of the room to a child, ms. A child that has not answered is skipped, and
 * the calls to all of them share the concurrency limit.
 */
export function callEveryMs(standing: SteadyRoom, roomChildren: number, relayChildren: number): number {
  const { viewers, shards, hopMs, sendMs, sharedMs } = standing;
  const parts = tickParts(viewers, shards);
  // A relay answers after its shards have.
  const answerMs = hopMs * (relayChildren > 0 ? 2 : 1) + (viewers / shards / parts) * sendMs;
  const partMs = tickMsOf(viewers) / parts;
  const answered = partMs * Math.max(1, Math.ceil(answerMs / partMs));
  return Math.max(answered, paceMs(roomChildren, standing), paceMs(relayChildren, standing)) + sharedMs / parts;
}

/** The least time between two event frames at a viewer, ms. */
export function tickEveryMs(standing: SteadyRoom, roomChildren: number, relayChildren: number): number {
  const { viewers, shards, sendMs, sharedMs } = standing;
  const sendsMs = (viewers / shards) * sendMs;
  return Math.max(tickMsOf(viewers) + sharedMs, sendsMs, callEveryMs(standing, roomChildren, relayChildren));
}

/** The share of intervals of `spanMs` without a call of a shard that carries something. */
export function quietShare(things: number, gather: number, callMs: number, spanMs: number): number {
  if (things === 0) return 1;
  const idle = Math.exp((-things * callMs) / 1_000);
  const meanIdleMs = 1_000 / things;
  const everyMs = gather + callMs + idle * meanIdleMs;
  const beyondMs = spanMs - gather - callMs;
  const longer = beyondMs <= 0 ? everyMs - spanMs : idle * meanIdleMs * Math.exp(-beyondMs / meanIdleMs);
  return longer / everyMs;
}

/**
 * Ticks per second at this rate of events: after a tick the next one is due; if there is nothing to send then, it is due
 * one tick interval after the next event.
 */
export function ticksPerSecond(things: number, tickMs: number, quiet: number): number {
  if (things === 0) return 0;
  return 1_000 / (tickMs + quiet * (1_000 / things + tickMs));
}

/** Displayed messages per second of this many, by the room's own sampling over a minute of ticks. */
export function shownPerSecond(perSecond: number, tickMs: number, random: Random): number {
  const ticks = Math.floor(60_000 / tickMs);
  const warmUp = Math.floor(ticks / 2);
  let bucket: TokenBucket | undefined;
  let shown = 0;
  let due = random();
  for (let tick = 0; tick < ticks; tick += 1) {
    due += (perSecond * tickMs) / 1_000;
    // Beyond the burst nothing more is displayed.
    const events = Array.from(
      { length: Math.min(Math.floor(due), 2 * ROOM_LIMITS.displayBurst) },
      () => SAMPLE_MESSAGE,
    );
    due -= Math.floor(due);
    const chosen = sampleForDisplay(events, bucket, tick * tickMs);
    bucket = chosen.bucket;
    if (tick >= warmUp) shown += chosen.shown.length;
  }
  return (shown * 1_000) / ((ticks - warmUp) * tickMs);
}

const SAMPLE_MESSAGE: RoomEvent = {
  kind: "chat",
  by: { subject: "somebody", name: "", roles: [] },
  text: "",
  offset: 1,
  atMs: 0,
  programmeMs: 0,
};
