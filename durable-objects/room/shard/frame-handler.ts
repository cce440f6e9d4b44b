/** Frames of a shard's viewers: admission, restrictions and rate limits before each frame takes effect. */
import { isStaff, type Participant } from "../../../core/room/participants.ts";
import { FRAME_REQUIREMENTS, frameRestriction, restrictionOn } from "../../../core/room/restrictions.ts";
import type { RoomErrorCode } from "../../../core/room/room-errors.ts";
import type {
  ClientFrame,
  CommandOutcome,
  RoomPosition,
  TokenRenewalOutcome,
} from "../../../core/room/room-protocol.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import { decodeClientFrame } from "../../../core/room/shard/decode-client-frame.ts";
import { answerHello, type ShardContext } from "./admission.ts";
import type { CommandIntake } from "./command-intake.ts";
import type { Connection } from "./connections.ts";

/** Frames that only an admitted connection may send. */
type AdmittedFrame = Exclude<ClientFrame, { type: "hello" }>;

/** What frames take effect on. */
export interface FrameHandlerServices {
  readonly intake: CommandIntake;
  readonly renewToken: (connection: Connection, token: string) => Promise<TokenRenewalOutcome>;
  /** Requests a new count of the viewers who watch. */
  readonly requestPresenceRefresh: () => void;
}

/** The frame handler of one shard. */
export class FrameHandler {
  readonly #context: ShardContext;
  readonly #services: FrameHandlerServices;

  constructor(context: ShardContext, services: FrameHandlerServices) {
    this.#context = context;
    this.#services = services;
  }

  /** Handles a message on a connection's socket. */
  async handleMessage(connection: Connection, message: string | ArrayBuffer): Promise<void> {
    if (typeof message !== "string") return connection.close("binary");
    const { clock, budgets } = this.#context;
    if (!budgets.recordFrame(connection.budget, message.length, clock.nowMs())) return connection.close("rateLimited");
    const decoded = decodeClientFrame(message);
    if ("close" in decoded) return connection.close(decoded.close);
    const frame = "frame" in decoded ? decoded.frame : null;
    if (frame?.type === "hello") return this.#handleHello(connection, frame.from);
    if (connection.pendingHello !== null) await connection.pendingHello;
    if (connection.isClosed) return;
    if (connection.state === "waiting") return connection.close("malformed", "hello");
    if ("refused" in decoded) return sendRefusal(connection, decoded.refused, "malformed");
    if (frame !== null) await this.#handleFrame(connection, frame);
  }

  /** Answers a hello after the hellos before it. */
  #handleHello(connection: Connection, position: RoomPosition | null): Promise<void> | void {
    const { clock, budgets } = this.#context;
    if (!budgets.allowFrameType(connection.budget, "hello", clock.nowMs())) return connection.close("rateLimited");
    const previous = connection.pendingHello ?? Promise.resolve();
    const answered = previous
      .then(() => answerHello(this.#context, connection, position))
      .finally(() => {
        if (connection.pendingHello === answered) connection.pendingHello = null;
      });
    connection.pendingHello = answered;
    return answered;
  }

  async #handleFrame(connection: Connection, frame: AdmittedFrame): Promise<void> {
    const { clock, replica } = this.#context;
    const requirement = FRAME_REQUIREMENTS[frame.type];
    const state = replica.state ?? (requirement === "stay" ? null : await this.#loadState());
    if (connection.isClosed) return;
    const restriction = state === null ? null : frameRestriction(state, connection.viewer, requirement, clock.nowMs());
    if (restriction !== null && restriction.close !== null) {
      return connection.close(restriction.close.name, restriction.close.reason);
    }
    // The room itself checks commands: it learns of a restriction before its shards do.
    const isBlocked = frame.type !== "act" && (restriction !== null || (state === null && requirement !== "stay"));
    const refusal = isBlocked ? null : this.#frameRefusal(connection, frame);
    if (!isBlocked && refusal === null) return this.#executeFrame(connection, frame);
    // Refused reactions need no answer, and play frames are repeated.
    if (frame.type === "act" && refusal !== null) sendRefusal(connection, frame.id, refusal);
    if (frame.type === "renew") connection.send({ type: "renewed", outcome: { ok: false, error: "unavailable" } });
  }

  /** Why a frame is refused without the room, or null. */
  #frameRefusal({ budget, viewer }: Connection, frame: AdmittedFrame): "sign-in" | "rate-limited" | null {
    const { clock, budgets, replica } = this.#context;
    const nowMs = clock.nowMs();
    if (frame.type === "act") {
      if (viewer.subject === null) return "sign-in";
      // Moderators send bursts of commands, which the rate of their role allows.
      if (isActiveStaff(replica.state, viewer, nowMs)) return null;
    }
    const count = "count" in frame ? frame.count : 1;
    return budgets.allowFrameType(budget, frame.type, nowMs, count) ? null : "rate-limited";
  }

  async #executeFrame(connection: Connection, frame: AdmittedFrame): Promise<void> {
    const { intake } = this.#services;
    switch (frame.type) {
      case "act": {
        const { id, act, programmeMs } = frame;
        const answer = (outcome: CommandOutcome): void => connection.send({ type: "ack", id, outcome });
        const roles = this.#context.replica.effectiveRoles(connection.viewer);
        return intake.submit({ by: connection.viewer, id, act, programmeMs }, roles, answer);
      }
      case "like":
        return intake.addReactions(connection.viewer, null, frame.count);
      case "react":
        return intake.addReactions(connection.viewer, frame.emoji, frame.count);
      case "play":
        connection.updateAttachment({ playMs: frame.on ? this.#context.clock.nowMs() : null });
        return this.#services.requestPresenceRefresh();
      case "seen":
        return connection.acknowledgeFlow();
      case "renew": {
        const outcome = await this.#services.renewToken(connection, frame.token);
        return connection.send({ type: "renewed", outcome });
      }
    }
  }

  /** The room's state; null if the room does not answer. */
  async #loadState(): Promise<RoomState | null> {
    return (await this.#context.replica.load().catch(() => null))?.state ?? null;
  }
}

/** Whether a viewer is known to be staff without restrictions. */
export function isActiveStaff(state: RoomState | null, viewer: Participant, nowMs: number): boolean {
  return state !== null && isStaff(state.effectiveRoles(viewer)) && restrictionOn(state, viewer, nowMs) === null;
}

function sendRefusal(connection: Connection, id: string, error: RoomErrorCode): void {
  connection.send({ type: "ack", id, outcome: { ok: false, error } });
}
