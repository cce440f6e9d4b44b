/**
 * The dispatch object without its platform: heartbeats in, answers out. A heartbeat of a node with waiting jobs, or that runs
 * jobs of others, is parked until something changes for it: changes are told at once, and no node asks more often.
 */
import type { Clock } from "../kit/clock.ts";
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type { DispatchAnswer, DispatchStatus, NodeHeartbeat, PlacedJob } from "./dispatch-message.ts";
import { Dispatcher } from "./dispatcher.ts";

/** See the file's first lines. */
export class DispatchDesk {
  readonly #clock: Clock;
  readonly #dispatcher: Dispatcher;
  /** Ends the parking of a node's heartbeat. */
  readonly #parked = new Map<string, () => void>();
  /** The waiting jobs that a node was told last. */
  readonly #told = new Map<string, string>();
  #cancelTick: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
    // Fences of an object before this one are lower, unless it gave a thousand leases a second.
    this.#dispatcher = new Dispatcher(clock.monotonicMs(), clock.nowMs());
  }

  /** Heartbeats that are parked. */
  get parkedCount(): number {
    return this.#parked.size;
  }

  /** Answers a node's heartbeat; null if there are too many nodes. */
  async heartbeat(node: string, message: NodeHeartbeat): Promise<DispatchAnswer | null> {
    this.#parked.get(node)?.();
    const first = this.#dispatcher.heartbeat(node, message, this.#clock.monotonicMs());
    this.#afterChange();
    if (first === null) return null;
    if (this.#mayPark(node, message, first)) await this.#park(node);
    const answer = this.#dispatcher.answerFor(node);
    this.#told.set(node, waitingKey(message, answer.waiting));
    return answer;
  }

  /** Ends a node at once. */
  leave(node: string, instance: string): void {
    this.#dispatcher.leave(node, instance, this.#clock.monotonicMs());
    this.#parked.get(node)?.();
    this.#told.delete(node);
    this.#afterChange();
  }

  /** All leases. */
  leases(): PlacedJob[] {
    return this.#dispatcher.leases();
  }

  /** The cluster now. */
  status(): DispatchStatus {
    return this.#dispatcher.status(this.#clock.monotonicMs());
  }

  /** Whether the node knows all of the answer already, and could be told more: of its waiting jobs, or of guests. */
  #mayPark(node: string, message: NodeHeartbeat, { placed, waiting, guests }: DispatchAnswer): boolean {
    if (waiting.length === 0 && !message.takesPortable) return false;
    if (this.#told.get(node) !== waitingKey(message, waiting)) return false;
    const running = new Set(message.jobs.filter(({ isRunning }) => isRunning).map(({ job }) => job));
    const hosted = new Set(message.guests.map(({ fence }) => fence));
    const knowsPlaced = placed.every(({ job, node: at }) => at !== node || running.has(job));
    return knowsPlaced && guests.length === hosted.size && guests.every(({ fence }) => hosted.has(fence));
  }

  #park(node: string): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        if (this.#parked.get(node) === end) this.#parked.delete(node);
        resolve();
      };
      const cancel = this.#clock.startTimer(DISPATCH_LIMITS.parkMs, end);
      this.#parked.set(node, end);
    });
  }

  /** Wakes nodes whose answer has changed, and sets the time of the next loss. */
  #afterChange(): void {
    const changed = this.#dispatcher.takeChanged();
    for (const node of changed) this.#parked.get(node)?.();
    this.#cancelTick();
    const { nextDeadlineMs } = this.#dispatcher;
    if (nextDeadlineMs === null) {
      this.#told.clear();
      return;
    }
    this.#cancelTick = this.#clock.startTimer(Math.max(0, nextDeadlineMs - this.#clock.monotonicMs()), () => {
      this.#dispatcher.tick(this.#clock.monotonicMs());
      this.#afterChange();
    });
  }
}

function waitingKey({ instance }: NodeHeartbeat, waiting: DispatchAnswer["waiting"]): string {
  return `${instance} ${waiting.map(({ job }) => job).join(" ")}`;
}
