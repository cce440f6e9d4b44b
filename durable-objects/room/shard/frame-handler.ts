/** What a shard's viewers ask for: heard of those only who were admitted and may do so now, and within rates. */

import { isStaff, type Participant } from "../../../core/room/events.ts";
import { FRAME_REQUIREMENTS, frameRestriction, restrictionOn } from "../../../core/room/restrictions.ts";
import type {
  ClientFrame,
  CommandOutcome,
  RoomErrorCode,
  RoomPosition,
  TokenRenewalOutcome,
} from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import { decodeClientFrame } from "../../../core/room/shard/decode-client-frame.ts";
import { answerHello, type ShardContext } from "./admission.ts";
import type { CommandIntake } from "./command-intake.ts";
import type { Connection } from "./connections.ts";

/** Frames of those who were admitted. */
type AdmittedFrame = Exclude<ClientFrame, { type: "hello" }>;

/** What commands are carried out by. */
export interface FrameHandlerServices {
  readonly intake: CommandIntake;
  readonly renewToken: (seat: Connection, token: string) => Promise<TokenRenewalOutcome>;
  readonly batchIntervalMs: () => number;
  /** Who watches is to be counted. */
  readonly requestPresenceRefresh: () => void;
}

/** The commands of one shard. */
export class FrameHandler {
  readonly #context: ShardContext;
  readonly #services: FrameHandlerServices;

  constructor(hall: ShardContext, works: FrameHandlerServices) {
    this.#context = hall;
    this.#services = works;
  }

  /** Takes what came on the socket of a seat. */
  async handleMessage(seat: Connection, message: string | ArrayBuffer): Promise<void> {
    if (typeof message !== "string") return seat.close("binary");
    if (!this.#context.budgets.recordFrame(seat.budget, message.length, Date.now())) return seat.close("rateLimited");
    const decoded = decodeClientFrame(message);
    if ("close" in decoded) return seat.close(decoded.close);
    const frame = "frame" in decoded ? decoded.frame : null;
    if (frame?.type === "hello") return this.#handleHello(seat, frame.from);
    if (seat.pendingHello !== null) await seat.pendingHello;
    if (seat.isClosed) return;
    if (seat.state === "waiting") return seat.close("malformed", "hello");
    if ("refused" in decoded) return sendRefusal(seat, decoded.refused, "malformed");
    if (frame !== null) await this.#handleFrame(seat, frame);
  }

  /** Answers a hello after those before it. */
  #handleHello(seat: Connection, from: RoomPosition | null): Promise<void> | void {
    if (!this.#context.budgets.allowFrameType(seat.budget, "hello", Date.now())) return seat.close("rateLimited");
    const before = seat.pendingHello ?? Promise.resolve();
    const arrival = before
      .then(() => answerHello(this.#context, seat, from))
      .finally(() => {
        if (seat.pendingHello === arrival) seat.pendingHello = null;
      });
    seat.pendingHello = arrival;
    return arrival;
  }

  async #handleFrame(seat: Connection, frame: AdmittedFrame): Promise<void> {
    const need = FRAME_REQUIREMENTS[frame.type];
    const state = this.#context.replica.state ?? (need === "stay" ? null : await this.#loadState());
    if (seat.isClosed) return;
    const barred = state === null ? null : frameRestriction(state, seat.viewer, need, Date.now());
    if (barred !== null && barred.close !== null) return seat.close(barred.close.name, barred.close.reason);
    // The room itself looks at who acts, and knows of a change before its shards do.
    const mayNot = frame.type !== "act" && (barred !== null || (state === null && need !== "stay"));
    const misfit = mayNot ? null : this.#frameRefusal(seat, frame);
    if (!mayNot && misfit === null) return this.#executeFrame(seat, frame);
    // Nobody needs to be told of taps that don't count; and playback is told of again.
    if (frame.type === "act" && misfit !== null) sendRefusal(seat, frame.id, misfit);
    if (frame.type === "renew") seat.send({ type: "renewed", outcome: { ok: false, error: "unavailable" } });
  }

  /** Why the room needn't be asked, or null. */
  #frameRefusal({ budget, viewer }: Connection, frame: AdmittedFrame): "sign-in" | "rate-limited" | null {
    if (frame.type === "act") {
      if (viewer.subject === null) return "sign-in";
      // Those who moderate act in bursts, which their own rate allows.
      if (isActiveStaff(this.#context.replica.state, viewer)) return null;
    }
    const count = "count" in frame ? frame.count : 1;
    return this.#context.budgets.allowFrameType(budget, frame.type, Date.now(), count) ? null : "rate-limited";
  }

  async #executeFrame(seat: Connection, frame: AdmittedFrame): Promise<void> {
    const { intake, batchIntervalMs } = this.#services;
    switch (frame.type) {
      case "act": {
        const { id, act, programmeMs } = frame;
        const answer = (outcome: CommandOutcome): void => seat.send({ type: "ack", id, outcome });
        const roles = this.#context.replica.effectiveRoles(seat.viewer);
        return intake.submit({ by: seat.viewer, id, act, programmeMs }, roles, answer, batchIntervalMs());
      }
      case "like":
        return intake.addReactions(seat.viewer, null, frame.count, batchIntervalMs());
      case "react":
        return intake.addReactions(seat.viewer, frame.emoji, frame.count, batchIntervalMs());
      case "play":
        seat.updateAttachment({ playMs: frame.on ? Date.now() : null });
        return this.#services.requestPresenceRefresh();
      case "seen":
        return seat.acknowledgeFlow();
      case "renew": {
        const outcome = await this.#services.renewToken(seat, frame.token);
        return seat.send({ type: "renewed", outcome });
      }
    }
  }

  /** What holds in the room, asked for; null if it doesn't answer. */
  async #loadState(): Promise<RoomState | null> {
    return (await this.#context.replica.load().catch(() => null))?.state ?? null;
  }
}

/** Whether somebody moderates now, as far as is known. */
export function isActiveStaff(state: RoomState | null, viewer: Participant): boolean {
  return state !== null && isStaff(state.effectiveRoles(viewer)) && restrictionOn(state, viewer, Date.now()) === null;
}

function sendRefusal(seat: Connection, id: string, error: RoomErrorCode): void {
  seat.send({ type: "ack", id, outcome: { ok: false, error } });
}
