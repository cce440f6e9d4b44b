/** What a shard's viewers ask for: heard of those only who were admitted and may do so now, and within rates. */
import { decodeClient } from "../../protocol/room/decode.ts";
import { isStaff, type Viewer } from "../../protocol/room/events.ts";
import { barredFrom, barredFromFrame, FRAME_NEEDS } from "../../protocol/room/standing.ts";
import type { RoomState } from "../../protocol/room/state.ts";
import type { ClientFrame, ErrorCode, Outcome, Position, Renewed } from "../../protocol/room/wire.ts";
import { type Hall, welcome } from "./arrivals.ts";
import type { Intake } from "./intake.ts";
import type { Seat } from "./seats.ts";

/** Frames of those who were admitted. */
type Command = Exclude<ClientFrame, { type: "hello" }>;

/** What commands are carried out by. */
export interface Works {
  readonly intake: Intake;
  readonly renew: (seat: Seat, token: string) => Promise<Renewed>;
  readonly gatherMs: () => number;
  /** Who watches is to be counted. */
  readonly counted: () => void;
}

/** The commands of one shard. */
export class Commands {
  readonly #hall: Hall;
  readonly #works: Works;

  constructor(hall: Hall, works: Works) {
    this.#hall = hall;
    this.#works = works;
  }

  /** Takes what came on the socket of a seat. */
  async hear(seat: Seat, message: string | ArrayBuffer): Promise<void> {
    if (typeof message !== "string") return seat.close("binary");
    if (!this.#hall.budgets.frame(seat.account, message.length, Date.now())) return seat.close("rateLimited");
    const decoded = decodeClient(message);
    if ("close" in decoded) return seat.close(decoded.close);
    const frame = "frame" in decoded ? decoded.frame : null;
    if (frame?.type === "hello") return this.#hello(seat, frame.from);
    if (seat.arrival !== null) await seat.arrival;
    if (seat.closed) return;
    if (seat.state === "waiting") return seat.close("malformed", "hello");
    if ("refused" in decoded) return refuse(seat, decoded.refused, "malformed");
    if (frame !== null) await this.#command(seat, frame);
  }

  /** Answers a hello after those before it. */
  #hello(seat: Seat, from: Position | null): Promise<void> | void {
    if (!this.#hall.budgets.command(seat.account, "hello", Date.now())) return seat.close("rateLimited");
    const before = seat.arrival ?? Promise.resolve();
    const arrival = before
      .then(() => welcome(this.#hall, seat, from))
      .finally(() => {
        if (seat.arrival === arrival) seat.arrival = null;
      });
    seat.arrival = arrival;
    return arrival;
  }

  async #command(seat: Seat, frame: Command): Promise<void> {
    const need = FRAME_NEEDS[frame.type];
    const state = this.#hall.known.state ?? (need === "stay" ? null : await this.#asked());
    if (seat.closed) return;
    const barred = state === null ? null : barredFromFrame(state, seat.viewer, need, Date.now());
    if (barred !== null && barred.close !== null) return seat.close(barred.close.name, barred.close.reason);
    // The room itself looks at who acts, and knows of a change before its shards do.
    const mayNot = frame.type !== "act" && (barred !== null || (state === null && need !== "stay"));
    const misfit = mayNot ? null : this.#misfit(seat, frame);
    if (!mayNot && misfit === null) return this.#carryOut(seat, frame);
    // Nobody needs to be told of taps that don't count; and playback is told of again.
    if (frame.type === "act" && misfit !== null) refuse(seat, frame.id, misfit);
    if (frame.type === "renew") seat.send({ type: "renewed", outcome: { ok: false, error: "unavailable" } });
  }

  /** Why the room needn't be asked, or null. */
  #misfit({ account, viewer }: Seat, frame: Command): "sign-in" | "rate-limited" | null {
    if (frame.type === "act") {
      if (viewer.subject === null) return "sign-in";
      // Those who moderate act in bursts, which their own rate allows.
      if (isOnDuty(this.#hall.known.state, viewer)) return null;
    }
    const count = "count" in frame ? frame.count : 1;
    return this.#hall.budgets.command(account, frame.type, Date.now(), count) ? null : "rate-limited";
  }

  async #carryOut(seat: Seat, frame: Command): Promise<void> {
    const { intake, gatherMs } = this.#works;
    switch (frame.type) {
      case "act": {
        const { id, act, programmeMs } = frame;
        const answer = (outcome: Outcome): void => seat.send({ type: "ack", id, outcome });
        const roles = this.#hall.known.rolesOf(seat.viewer);
        return intake.act({ by: seat.viewer, id, act, programmeMs }, roles, answer, gatherMs());
      }
      case "like":
        return intake.tap(seat.viewer, null, frame.count, gatherMs());
      case "react":
        return intake.tap(seat.viewer, frame.emoji, frame.count, gatherMs());
      case "play":
        seat.keep({ playMs: frame.on ? Date.now() : null });
        return this.#works.counted();
      case "seen":
        return seat.seen();
      case "renew": {
        const outcome = await this.#works.renew(seat, frame.token);
        return seat.send({ type: "renewed", outcome });
      }
    }
  }

  /** What holds in the room, asked for; null if it doesn't answer. */
  async #asked(): Promise<RoomState | null> {
    return (await this.#hall.known.view().catch(() => null))?.state ?? null;
  }
}

/** Whether somebody moderates now, as far as is known. */
export function isOnDuty(state: RoomState | null, viewer: Viewer): boolean {
  return state !== null && isStaff(state.rolesOf(viewer)) && barredFrom(state, viewer, Date.now()) === null;
}

function refuse(seat: Seat, id: string, error: ErrorCode): void {
  seat.send({ type: "ack", id, outcome: { ok: false, error } });
}
