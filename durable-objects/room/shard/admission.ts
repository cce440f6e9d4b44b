/** Admission at a shard: reasons to refuse a socket, and the answer to a hello. */
import type { Clock } from "../../../core/kit/clock.ts";
import { isStaff, type Participant } from "../../../core/room/participants.ts";
import { restrictionOn } from "../../../core/room/restrictions.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  type EventRange,
  ROOM_PROTOCOL_VERSION,
  type RoomPosition,
  toOwnProfile,
} from "../../../core/room/room-protocol.ts";
import { unmoderatedName } from "../../../core/room/sequencer/text-moderator.ts";
import { encodeWelcomeFrame } from "../../../core/room/shard/encode-welcome.ts";
import type { ShardBudgets } from "../../../core/room/shard/shard-budgets.ts";
import type { RoomRpc } from "../../../core/room/shard-rpc.ts";
import type { SocketCloseName } from "../../../core/room/socket-closes.ts";
import type { Connection, Connections } from "./connections.ts";
import { missedEvents, type ReplicaContent, type RoomReplica } from "./room-replica.ts";
import type { ShardFanout } from "./shard-fanout.ts";

/** Reconnect spreads, seconds: of a full shard, and of a shard whose room does not answer. */
const FULL_RECONNECT_SPREAD_S = "30";
const UNAVAILABLE_RECONNECT_SPREAD_S = "5";

/** Why a socket is closed. */
export interface SocketClose {
  readonly name: SocketCloseName;
  readonly reason: string;
}

/** The parts of a shard that admission and frames need. */
export interface ShardContext {
  readonly clock: Clock;
  readonly connections: Connections;
  readonly budgets: ShardBudgets;
  readonly replica: RoomReplica;
  readonly fanout: ShardFanout;
  readonly socketsPerAddress: number;
  readonly parent: () => Pick<RoomRpc, "eventsSince" | "recordStaff">;
}

/** Why no socket is opened for a viewer, or null. A refused viewer leaves no state. */
export async function socketRefusal(context: ShardContext, participant: Participant): Promise<SocketClose | null> {
  const { clock, connections, budgets, replica, socketsPerAddress } = context;
  if (!budgets.allowSocketOpen(participant, clock.nowMs())) return { name: "rateLimited", reason: "sockets" };
  const content = await replica.load().catch(() => null);
  if (content === null) return { name: "comeBack", reason: UNAVAILABLE_RECONNECT_SPREAD_S };
  // No await from here on: the counts must hold when the connection is added.
  const restriction = restrictionOn(content.state, participant, clock.nowMs());
  if (restriction !== null && restriction.close !== null) return restriction.close;
  if (connections.size >= ROOM_LIMITS.socketsPerShard) return { name: "comeBack", reason: FULL_RECONNECT_SPREAD_S };
  return connections.exceedsLimit(participant, socketsPerAddress) ? { name: "rateLimited", reason: "sockets" } : null;
}

/** Answers a hello: admits the connection with a welcome, or closes it. */
export async function answerHello(
  context: ShardContext,
  connection: Connection,
  position: RoomPosition | null,
): Promise<void> {
  if (connection.isClosed) return;
  const data = await loadWelcomeData(context, connection, position);
  if (connection.isClosed) return;
  if (data === null) return connection.close("comeBack", UNAVAILABLE_RECONNECT_SPREAD_S);
  // No await from here on: later events reach the connection as ticks.
  const { content, missed } = data;
  const { clock, budgets, fanout } = context;
  const { budget, viewer } = connection;
  const nowMs = clock.nowMs();
  const restriction = restrictionOn(content.state, viewer, nowMs);
  if (restriction !== null && restriction.close !== null) {
    return connection.close(restriction.close.name, restriction.close.reason);
  }
  const header = {
    type: "welcome",
    version: ROOM_PROTOCOL_VERSION,
    nowMs,
    you: toOwnProfile(viewer, content.state.effectiveRoles(viewer), unmoderatedName),
    expiresMs: viewer.expiresMs,
    modes: content.state.modes,
    pinned: content.state.pinned,
    counts: fanout.counts,
  } as const;
  const recent = (): EventRange => content.recentEvents.latestRange(ROOM_LIMITS.joinEvents);
  const encoded = encodeWelcomeFrame(header, missed, recent, budgets.answerAllowanceBytes(budget, nowMs));
  if (encoded === null) return connection.close("rateLimited");
  budgets.spendAnswerBytes(budget, encoded.bytes, nowMs);
  connection.admit(nowMs);
  connection.cohort = fanout.assignCohort();
  connection.sendText(encoded.text);
}

/** What a welcome contains; null if the room does not answer. */
async function loadWelcomeData(
  { clock, budgets, replica, parent }: ShardContext,
  { budget, viewer }: Connection,
  position: RoomPosition | null,
): Promise<{ readonly content: ReplicaContent; readonly missed: EventRange | null } | null> {
  try {
    const content = await replica.load();
    if (isStaff(content.state.effectiveRoles(viewer))) await parent().recordStaff(viewer);
    if (position === null) return { content, missed: null };
    const since: RoomRpc["eventsSince"] = (epoch, offset) => {
      const nowMs = clock.nowMs();
      // History beyond the answer allowance is not requested.
      const minBytes = MIN_EVENT_BYTES * (content.recentEvents.head - offset);
      const isAllowed =
        budgets.answerAllowanceBytes(budget, nowMs) >= minBytes && budgets.allowHistoryRead(viewer, nowMs);
      return isAllowed ? parent().eventsSince(epoch, offset) : Promise.resolve(null);
    };
    return { content, missed: await missedEvents(content.recentEvents, position, since) };
  } catch (error) {
    console.warn("a hello could not be answered", error);
    return null;
  }
}

/** The length of the shortest event in JSON. */
const MIN_EVENT_BYTES = 64;
