/**
 * The dispatch object: leases places for transcode jobs to ingest nodes. It stores nothing and has no alarm: heartbeats carry
 * all of its state, and a timer is enough for what ends with its memory.
 */
import { DurableObject } from "cloudflare:workers";
import { DispatchDesk } from "../../core/dispatch/dispatch-desk.ts";
import type { DispatchAnswer, DispatchStatus, NodeHeartbeat } from "../../core/dispatch/dispatch-message.ts";
import type { Platform } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { platformOf } from "../kit/platform-of.ts";

/** The only object of its class; `dispatchObjectName` names it. */
export class Dispatch extends DurableObject {
  readonly platform: Platform = systemPlatform;
  readonly #desk: DispatchDesk = new DispatchDesk(platformOf(this).clock);

  /** A node's heartbeat; parked while nothing changes for its waiting jobs. Null: there are too many nodes. */
  heartbeat(node: string, message: NodeHeartbeat): Promise<DispatchAnswer | null> {
    return this.#desk.heartbeat(node, message);
  }

  /** A node ends. */
  leave(node: string, instance: string): void {
    this.#desk.leave(node, instance);
  }

  /** The cluster now. */
  status(): DispatchStatus {
    return this.#desk.status();
  }
}
