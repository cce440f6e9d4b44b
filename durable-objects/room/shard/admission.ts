/** Who is let in at a shard: what keeps a socket from being opened, and what a hello is answered. */

import type { Participant } from "../../../core/room/events.ts";
import { rankOfRoles } from "../../../core/room/permissions.ts";
import { restrictionOn } from "../../../core/room/restrictions.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  type EventRange,
  ROOM_PROTOCOL_VERSION,
  type RoomPosition,
  type SocketCloseName,
  toOwnProfile,
} from "../../../core/room/room-protocol.ts";
import { unmoderatedName } from "../../../core/room/sequencer/text-moderator.ts";
import { encodeWelcomeFrame } from "../../../core/room/shard/encode-welcome.ts";
import type { ShardBudgets } from "../../../core/room/shard/shard-budgets.ts";
import type { RoomRpc } from "../../../core/room/shard-rpc.ts";
import type { Connection, Connections } from "./connections.ts";
import { missedEvents, type ReplicaContent, type RoomReplica } from "./room-replica.ts";
import type { ShardFanout } from "./shard-fanout.ts";

/** Seconds within which those come back for whom there is no seat, and those whom the room doesn't answer. */
const FULL_RECONNECT_SPREAD_S = "30";
const UNAVAILABLE_RECONNECT_SPREAD_S = "5";

/** How a socket ends that isn't wanted. */
export interface SocketClose {
  readonly name: SocketCloseName;
  readonly reason: string;
}

/** What a shard lets people in with. */
export interface ShardContext {
  readonly connections: Connections;
  readonly budgets: ShardBudgets;
  readonly replica: RoomReplica;
  readonly fanout: ShardFanout;
  readonly socketsPerAddress: number;
  readonly parent: () => Pick<RoomRpc, "eventsSince" | "recordStaff">;
}

/** Why no socket is opened for a viewer, or null. Nothing of it stays here: neither a seat nor a socket. */
export async function socketRefusal(context: ShardContext, participant: Participant): Promise<SocketClose | null> {
  const { connections, budgets, replica, socketsPerAddress } = context;
  if (!budgets.allowSocketOpen(participant, Date.now())) return { name: "rateLimited", reason: "sockets" };
  const view = await replica.load().catch(() => null);
  if (view === null) return { name: "comeBack", reason: UNAVAILABLE_RECONNECT_SPREAD_S };
  // From here to the end nothing waits: what is counted is what is there when the seat is taken.
  const barred = restrictionOn(view.state, participant, Date.now());
  if (barred !== null && barred.close !== null) return barred.close;
  if (connections.size >= ROOM_LIMITS.socketsPerShard) return { name: "comeBack", reason: FULL_RECONNECT_SPREAD_S };
  return connections.exceedsLimit(participant, socketsPerAddress) ? { name: "rateLimited", reason: "sockets" } : null;
}

/** Answers a hello: the seat is admitted with the welcome, or closed. */
export async function answerHello(
  context: ShardContext,
  connection: Connection,
  position: RoomPosition | null,
): Promise<void> {
  if (connection.isClosed) return;
  const asked = await loadWelcomeData(context, connection, position);
  if (connection.isClosed) return;
  if (asked === null) return connection.close("comeBack", UNAVAILABLE_RECONNECT_SPREAD_S);
  // From here to the end nothing waits: what comes next is sent as a tick.
  const { view, missed } = asked;
  const { budgets, fanout } = context;
  const { budget, viewer } = connection;
  const nowMs = Date.now();
  const barred = restrictionOn(view.state, viewer, nowMs);
  if (barred !== null && barred.close !== null) return connection.close(barred.close.name, barred.close.reason);
  const greeting = {
    type: "welcome",
    version: ROOM_PROTOCOL_VERSION,
    nowMs,
    you: toOwnProfile(viewer, view.state.effectiveRoles(viewer), unmoderatedName),
    expiresMs: viewer.expiresMs,
    modes: view.state.modes,
    pinned: view.state.pinned,
    counts: fanout.counts,
  } as const;
  const recent = (): EventRange => view.recentEvents.latestRange(ROOM_LIMITS.joinEvents);
  const encoded = encodeWelcomeFrame(greeting, missed, recent, budgets.answerAllowanceBytes(budget, nowMs));
  if (encoded === null) return connection.close("rateLimited");
  budgets.spendAnswerBytes(budget, encoded.bytes, nowMs);
  connection.admit(nowMs);
  connection.cohort = fanout.assignCohort();
  connection.sendText(encoded.text);
}

/** What the room has to say to a hello; null if it doesn't answer. */
async function loadWelcomeData(
  { budgets, replica, parent: above }: ShardContext,
  { budget, viewer }: Connection,
  from: RoomPosition | null,
): Promise<{ readonly view: ReplicaContent; readonly missed: EventRange | null } | null> {
  try {
    const view = await replica.load();
    if (rankOfRoles(viewer.roles) !== "viewer") await above().recordStaff(viewer);
    if (from === null) return { view, missed: null };
    const since: RoomRpc["eventsSince"] = (epoch, offset) => {
      const nowMs = Date.now();
      // An answer that can't be sent isn't asked for.
      const least = MIN_EVENT_BYTES * (view.recentEvents.head - offset);
      const may = budgets.answerAllowanceBytes(budget, nowMs) >= least && budgets.allowHistoryRead(viewer, nowMs);
      return may ? above().eventsSince(epoch, offset) : Promise.resolve(null);
    };
    return { view, missed: await missedEvents(view.recentEvents, from, since) };
  } catch (error) {
    console.warn("a viewer could not be welcomed", error);
    return null;
  }
}

/** The shortest event in JSON. */
const MIN_EVENT_BYTES = 64;
