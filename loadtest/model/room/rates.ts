/** How often what happens in a room whose viewers have all come: at the room, at its relays, at its shards. */

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

/** A room as it stands. */
export interface SteadyRoom {
  readonly viewers: number;
  readonly shards: number;
  readonly assumptions: RoomAssumptions;
  /** A round trip between two objects, ms. */
  readonly hopMs: number;
  /** Sending one frame to one socket, ms. */
  readonly sendMs: number;
  /**
   * What the room waits for beside its own work in each tick, ms: nothing, unless it shares a thread with its shards. A
   * call comes at any moment of that, and waits for half of it.
   */
  readonly sharedMs: number;
  /** Questions of isolates for the room's place, a second. */
  readonly placesPerSecond: number;
  /** Whether the room tells every shard itself, however many there are. */
  readonly withoutRelays: boolean;
}

/** Rates a second, of all objects of a kind together where nothing else is said. */
export interface RoomRates {
  readonly messages: number;
  readonly likes: number;
  readonly joins: number;
  /** People who write in the room for the first time: a key is made for each. */
  readonly writers: number;
  /** Messages that viewers are shown: one selection for all. */
  readonly shownMessages: number;
  /** Deliveries a second to each viewer. */
  readonly ticks: number;
  /** Calls a second to each child of the room: as many as ticks, or more where shards tell their viewers in parts. */
  readonly calls: number;
  /** Calls that reach the room, with what was done and with who watches; and those that reach relays. */
  readonly submissions: number;
  readonly reports: number;
  readonly relaySubmissions: number;
  readonly relayReports: number;
  readonly relays: number;
  /** Objects that the room tells, and that each relay does. */
  readonly roomChildren: number;
  readonly relayChildren: number;
  /** Calls down: to relays and to shards. */
  readonly delivers: number;
  /** Frames that say that a viewer still plays; all frames of viewers, but for beats; and beats. */
  readonly playFrames: number;
  readonly framesIn: number;
  readonly heartbeats: number;
  /** Frames and bytes to one viewer. */
  readonly framesOut: number;
  readonly bytesOut: number;
}

/** A shard that told its count tells it again after so long though it is the same; `tally.ts` has it. */
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

/** What objects call each other with. */
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
  // A relay answers when the room has answered it.
  const answerMs = relays > 0 ? batchIntervalMs(relays) + hopMs + storedMs : storedMs;
  const fromShards = shards * submissionsPerSecond(things / shards, batchIntervalMs(siblings), answerMs);
  const countsOfShards = shards * reportsPerSecond((2 * joins) / shards, reportIntervalMs(siblings));
  // Relays gather what their shards call with; without relays shards call the room.
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

/** How long an object takes at least to tell so many others, with so many calls at once. */
export function paceMs(children: number, { assumptions, hopMs }: Pick<SteadyRoom, "assumptions" | "hopMs">): number {
  return children <= assumptions.concurrentCalls ? 0 : (children / assumptions.concurrentCalls) * hopMs;
}

/**
 * Calls a second of a shard where so many things are done a second: the first one waits for the others for `gather`, and
 * what comes while a call is under way gathers anew.
 */
export function submissionsPerSecond(things: number, gather: number, callMs: number): number {
  if (things === 0) return 0;
  const duringCall = 1 - Math.exp((-things * callMs) / 1_000);
  const idleMs = (1 - duringCall) * (1_000 / things);
  return 1_000 / (gather + callMs + idleMs);
}

/** Reports a second of a shard where so many come or go a second: it counts every `count` ms, and tells what changed. */
export function reportsPerSecond(changes: number, count: number): number {
  const changed = 1 - Math.exp((-changes * count) / 1_000);
  return Math.max((changed * 1_000) / count, 1_000 / Math.max(count, REPORT_EVERY_MS));
}

/**
 * The least time from one call of the room to a child to the next, ms. A child that hasn't answered yet is left out, and
 * the calls to all of them must find their places.
 */
export function callEveryMs(standing: SteadyRoom, roomChildren: number, relayChildren: number): number {
  const { viewers, shards, hopMs, sendMs, sharedMs } = standing;
  const parts = tickParts(viewers, shards);
  // A relay answers when its shards have.
  const answerMs = hopMs * (relayChildren > 0 ? 2 : 1) + (viewers / shards / parts) * sendMs;
  const partMs = tickMsOf(viewers) / parts;
  const answered = partMs * Math.max(1, Math.ceil(answerMs / partMs));
  return Math.max(answered, paceMs(roomChildren, standing), paceMs(relayChildren, standing)) + sharedMs / parts;
}

/** The least time from one frame of what happened to the next at a viewer, ms. */
export function tickEveryMs(standing: SteadyRoom, roomChildren: number, relayChildren: number): number {
  const { viewers, shards, sendMs, sharedMs } = standing;
  const sendsMs = (viewers / shards) * sendMs;
  return Math.max(tickMsOf(viewers) + sharedMs, sendsMs, callEveryMs(standing, roomChildren, relayChildren));
}

/** In which part of all spans of `spanMs` a shard makes no call that brings something. */
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
 * Ticks a second where so many things come that shards are told: after a tick the next one is due; if there is nothing to
 * tell then, which is so in a part of all cases, it is due a tick's time after the next thing.
 */
export function ticksPerSecond(things: number, tickMs: number, quiet: number): number {
  if (things === 0) return 0;
  return 1_000 / (tickMs + quiet * (1_000 / things + tickMs));
}

/** Messages a second that are shown of so many, by the room's own selection over a minute of ticks. */
export function shownPerSecond(perSecond: number, tickMs: number, random: Random): number {
  const ticks = Math.floor(60_000 / tickMs);
  const warmUp = Math.floor(ticks / 2);
  let bucket: TokenBucket | undefined;
  let shown = 0;
  let due = random();
  for (let tick = 0; tick < ticks; tick += 1) {
    due += (perSecond * tickMs) / 1_000;
    // More than the whole burst isn't shown anyway.
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
