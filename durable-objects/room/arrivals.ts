/** Who is let in at a shard: what keeps a socket from being opened, and what a hello is answered. */
import { rankOf } from "../../protocol/room/authority.ts";
import type { Budgets } from "../../protocol/room/budget.ts";
import type { Viewer } from "../../protocol/room/events.ts";
import { ownName } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { RoomCalls } from "../../protocol/room/mesh.ts";
import { barredFrom } from "../../protocol/room/standing.ts";
import { encodeWelcome } from "../../protocol/room/welcome.ts";
import { type CloseName, type Position, type Stretch, VERSION, youAre } from "../../protocol/room/wire.ts";
import { type KnownRoom, missedSince, type View } from "./known-room.ts";
import type { Seat, Seats } from "./seats.ts";
import type { Teller } from "./teller.ts";

/** Seconds within which those come back for whom there is no seat, and those whom the room doesn't answer. */
const FULL_SPREAD_S = "30";
const UNANSWERED_SPREAD_S = "5";

/** How a socket ends that isn't wanted. */
export interface Close {
  readonly name: CloseName;
  readonly reason: string;
}

/** What a shard lets people in with. */
export interface Hall {
  readonly seats: Seats;
  readonly budgets: Budgets;
  readonly known: KnownRoom;
  readonly teller: Teller;
  readonly socketsPerAddress: number;
  readonly above: () => Pick<RoomCalls, "since" | "meet">;
}

/** Why no socket is opened for a viewer, or null. Nothing of it stays here: neither a seat nor a socket. */
export async function refusalOfSocket(hall: Hall, viewer: Viewer): Promise<Close | null> {
  const { seats, budgets, known, socketsPerAddress } = hall;
  if (!budgets.join(viewer, Date.now())) return { name: "rateLimited", reason: "sockets" };
  const view = await known.view().catch(() => null);
  if (view === null) return { name: "comeBack", reason: UNANSWERED_SPREAD_S };
  // From here to the end nothing waits: what is counted is what is there when the seat is taken.
  const barred = barredFrom(view.state, viewer, Date.now());
  if (barred !== null && barred.close !== null) return barred.close;
  if (seats.size >= ROOM_LIMITS.shardSockets) return { name: "comeBack", reason: FULL_SPREAD_S };
  return seats.tooMany(viewer, socketsPerAddress) ? { name: "rateLimited", reason: "sockets" } : null;
}

/** Answers a hello: the seat is admitted with the welcome, or closed. */
export async function welcome(hall: Hall, seat: Seat, from: Position | null): Promise<void> {
  if (seat.closed) return;
  const asked = await askRoom(hall, seat, from);
  if (seat.closed) return;
  if (asked === null) return seat.close("comeBack", UNANSWERED_SPREAD_S);
  // From here to the end nothing waits: what comes next is sent as a tick.
  const { view, missed } = asked;
  const { budgets, teller } = hall;
  const { account, viewer } = seat;
  const nowMs = Date.now();
  const barred = barredFrom(view.state, viewer, nowMs);
  if (barred !== null && barred.close !== null) return seat.close(barred.close.name, barred.close.reason);
  const greeting = {
    type: "welcome",
    version: VERSION,
    nowMs,
    you: youAre(viewer, view.state.rolesOf(viewer), ownName),
    expiresMs: viewer.expiresMs,
    modes: view.state.modes,
    pinned: view.state.pin,
    counts: teller.counts,
  } as const;
  const recent = (): Stretch => view.ring.recent(ROOM_LIMITS.joinEvents);
  const encoded = encodeWelcome(greeting, missed, recent, budgets.allowance(account, nowMs));
  if (encoded === null) return seat.close("rateLimited");
  budgets.spend(account, encoded.bytes, nowMs);
  seat.admit(nowMs);
  seat.portion = teller.seat();
  seat.sendText(encoded.text);
}

/** What the room has to say to a hello; null if it doesn't answer. */
async function askRoom(
  { budgets, known, above }: Hall,
  { account, viewer }: Seat,
  from: Position | null,
): Promise<{ readonly view: View; readonly missed: Stretch | null } | null> {
  try {
    const view = await known.view();
    if (rankOf(viewer.roles) !== "viewer") await above().meet(viewer);
    if (from === null) return { view, missed: null };
    const since: RoomCalls["since"] = (epoch, offset) => {
      const nowMs = Date.now();
      // An answer that can't be sent isn't asked for.
      const least = LEAST_EVENT_BYTES * (view.ring.head - offset);
      const may = budgets.allowance(account, nowMs) >= least && budgets.history(viewer, nowMs);
      return may ? above().since(epoch, offset) : Promise.resolve(null);
    };
    return { view, missed: await missedSince(view.ring, from, since) };
  } catch (error) {
    console.warn("a viewer could not be welcomed", error);
    return null;
  }
}

/** The shortest event in JSON. */
const LEAST_EVENT_BYTES = 64;
