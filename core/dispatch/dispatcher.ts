/**
 * The decisions of dispatch: which node's place a transcode job is leased. A state machine in memory; its caller passes
 * monotonic times in and calls `tick` at `nextDeadlineMs`. Nothing is stored, because heartbeats carry all of the state.
 */
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type {
  DispatchAnswer,
  DispatchStatus,
  HomeJob,
  JobLease,
  NodeHeartbeat,
  PlacedJob,
  WaitingJob,
} from "./dispatch-message.ts";

interface DispatchNode {
  readonly name: string;
  readonly instance: string;
  sequence: number;
  heardMs: number;
  /** Leases that it can hold: what it runs of them, and what it measures as free. */
  capacity: number;
  isDraining: boolean;
  takesPortable: boolean;
  /** Jobs whose senders it has. */
  readonly home: Set<string>;
  /** Jobs whose leases it holds. */
  readonly leases: Set<string>;
  /** Jobs that another home has taken, while this node still names them. */
  moved: Set<string>;
}

interface DispatchJob {
  readonly id: string;
  home: DispatchNode;
  isPortable: boolean;
  /** Since when it waits, for the order. */
  sinceMs: number;
  lease: { readonly node: DispatchNode; readonly fence: number } | null;
}

/** See the file's first line. */
export class Dispatcher {
  readonly #nodes = new Map<string, DispatchNode>();
  readonly #jobs = new Map<string, DispatchJob>();
  readonly #waiting = new Set<DispatchJob>();
  /** Until then leases of earlier decisions may be unknown: portable jobs are not placed. */
  readonly #learnedMs: number;
  #fence: number;
  #changed = new Set<string>();

  /** `firstFence`: above the fences of the object before this one, such as the time since the epoch. */
  constructor(nowMs: number, firstFence = 0) {
    this.#learnedMs = nowMs + DISPATCH_LIMITS.nodeTimeoutMs;
    this.#fence = firstFence;
  }

  /** Applies a node's heartbeat; null if there are too many nodes. */
  heartbeat(name: string, message: NodeHeartbeat, nowMs: number): DispatchAnswer | null {
    this.#expire(nowMs);
    const node = this.#enter(name, message, nowMs);
    if (node === null) return null;
    node.heardMs = nowMs;
    if (message.sequence > node.sequence) {
      node.sequence = message.sequence;
      this.#applyJobs(node, message, nowMs);
      this.#applyCapacity(node, message);
    }
    this.#assign(nowMs);
    return this.answerFor(name);
  }

  /** Ends a node at once: it says goodbye. */
  leave(name: string, instance: string, nowMs: number): void {
    const node = this.#nodes.get(name);
    if (node?.instance === instance) this.#remove(node);
    this.tick(nowMs);
  }

  /** Ends nodes that are lost, and leases what they held. */
  tick(nowMs: number): void {
    this.#expire(nowMs);
    this.#assign(nowMs);
  }

  /** When `tick` is due, or null. */
  get nextDeadlineMs(): number | null {
    let heardMs = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) heardMs = Math.min(heardMs, node.heardMs);
    return heardMs === Number.POSITIVE_INFINITY ? null : heardMs + DISPATCH_LIMITS.nodeTimeoutMs;
  }

  /** The nodes whose answer has changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** What a node is told now. */
  answerFor(name: string): DispatchAnswer {
    const node = this.#nodes.get(name);
    if (node === undefined) return { placed: [], waiting: [], guests: [] };
    const placed: PlacedJob[] = [];
    const waiting: WaitingJob[] = [];
    for (const id of node.home) {
      const job = this.#jobs.get(id);
      if (job === undefined) continue;
      if (job.lease !== null) placed.push({ job: id, fence: job.lease.fence, node: job.lease.node.name });
      else waiting.push({ job: id, ahead: this.#countAhead(job), roomAt: this.#findRoom(node)?.name ?? null });
    }
    const guests: JobLease[] = [];
    for (const id of node.leases) {
      const job = this.#jobs.get(id);
      if (job?.lease != null && job.home !== node) guests.push({ job: id, fence: job.lease.fence });
    }
    return { placed, waiting, guests };
  }

  /** All leases. */
  leases(): PlacedJob[] {
    return [...this.#nodes.values()].flatMap((node) =>
      [...node.leases].map((job) => ({ job, node: node.name, fence: this.#jobs.get(job)?.lease?.fence ?? 0 })),
    );
  }

  /** The cluster for operators. */
  status(nowMs: number): DispatchStatus {
    const nodes = [...this.#nodes.values()].map((node) => ({
      node: node.name,
      freePlaces: freeOf(node),
      leases: node.leases.size,
      isDraining: node.isDraining,
      silentMs: Math.max(0, Math.round(nowMs - node.heardMs)),
    }));
    return { nodes, jobs: this.#jobs.size, waiting: this.#waiting.size };
  }

  /** The node of a heartbeat; null if it is one too many. */
  #enter(name: string, { instance }: NodeHeartbeat, nowMs: number): DispatchNode | null {
    const known = this.#nodes.get(name);
    if (known?.instance === instance) return known;
    // Another process has the name now: what the last one ran has ended with it.
    if (known !== undefined) this.#remove(known);
    if (this.#nodes.size >= DISPATCH_LIMITS.nodes) return null;
    const node: DispatchNode = {
      ...{ name, instance, sequence: -1, heardMs: nowMs, capacity: 0, isDraining: false, takesPortable: false },
      ...{ home: new Set(), leases: new Set(), moved: new Set() },
    };
    this.#nodes.set(name, node);
    return node;
  }

  #applyJobs(node: DispatchNode, { jobs, guests, takesPortable }: NodeHeartbeat, nowMs: number): void {
    const named = new Set(jobs.map(({ job }) => job));
    for (const id of [...node.home]) if (!named.has(id)) this.#endJob(id);
    node.moved = new Set([...node.moved].filter((id) => named.has(id)));
    for (const told of jobs.slice(0, DISPATCH_LIMITS.jobsPerNode)) this.#applyJob(node, told, nowMs);
    for (const { job: id, fence } of guests) {
      const job = this.#jobs.get(id);
      // A lease that an earlier object gave: nothing else has been placed since.
      if (job?.isPortable === true && job.lease === null && takesPortable && fence <= this.#fence)
        this.#lease(job, node);
    }
  }

  #applyJob(node: DispatchNode, told: HomeJob, nowMs: number): void {
    if (node.moved.has(told.job)) return;
    let job = this.#jobs.get(told.job);
    if (job === undefined) {
      if (this.#jobs.size >= DISPATCH_LIMITS.jobs) return;
      job = { id: told.job, home: node, isPortable: told.isPortable, sinceMs: nowMs - told.waitedMs, lease: null };
      this.#jobs.set(job.id, job);
      this.#waiting.add(job);
      node.home.add(job.id);
    } else if (job.home !== node) this.#moveHome(job, node);
    job.isPortable = told.isPortable;
    // The home decided by itself, without this object or before it began.
    if (told.isRunning && job.lease === null) this.#lease(job, node);
  }

  /** The sender has come to another node: its old home hears that the job is not its own any more. */
  #moveHome(job: DispatchJob, node: DispatchNode): void {
    job.home.home.delete(job.id);
    job.home.moved.add(job.id);
    this.#changed.add(job.home.name);
    if (job.lease?.node === job.home) this.#endLease(job);
    job.home = node;
    node.home.add(job.id);
  }

  #applyCapacity(node: DispatchNode, { freePlaces, isDraining, takesPortable, jobs, guests }: NodeHeartbeat): void {
    const running = [...jobs.filter(({ isRunning }) => isRunning), ...guests].filter(({ job }) => node.leases.has(job));
    node.capacity = freePlaces + new Set(running.map(({ job }) => job)).size;
    node.isDraining = isDraining;
    node.takesPortable = takesPortable;
    if (isDraining) this.#giveGuestsBack(node);
  }

  #giveGuestsBack(node: DispatchNode): void {
    for (const id of [...node.leases]) {
      const job = this.#jobs.get(id);
      if (job !== undefined && job.home !== node) this.#endLease(job);
    }
  }

  /** Leases places to waiting jobs, in order. */
  #assign(nowMs: number): void {
    if (this.#waiting.size === 0) return;
    const isLearning = nowMs < this.#learnedMs;
    let guestRoom: DispatchNode | null | undefined;
    for (const job of sortBySince(this.#waiting)) {
      if (freeOf(job.home) > 0) this.#lease(job, job.home);
      else if (job.isPortable && !isLearning) {
        if (guestRoom === undefined || (guestRoom !== null && !hasGuestRoom(guestRoom)))
          guestRoom = this.#findGuestRoom();
        if (guestRoom !== null) this.#lease(job, guestRoom);
      }
    }
  }

  #lease(job: DispatchJob, node: DispatchNode): void {
    this.#fence += 1;
    job.lease = { node, fence: this.#fence };
    node.leases.add(job.id);
    this.#waiting.delete(job);
    this.#changed.add(node.name).add(job.home.name);
  }

  /** The job waits again, where it stood. */
  #endLease(job: DispatchJob): void {
    if (job.lease === null) return;
    const { node } = job.lease;
    node.leases.delete(job.id);
    job.lease = null;
    this.#waiting.add(job);
    this.#changed.add(node.name).add(job.home.name);
  }

  #endJob(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#endLease(job);
    this.#waiting.delete(job);
    job.home.home.delete(id);
    this.#jobs.delete(id);
  }

  #expire(nowMs: number): void {
    for (const node of this.#nodes.values())
      if (nowMs - node.heardMs >= DISPATCH_LIMITS.nodeTimeoutMs) this.#remove(node);
  }

  /** A node is gone: its senders with their jobs too, and what it ran for others waits. */
  #remove(node: DispatchNode): void {
    this.#nodes.delete(node.name);
    for (const id of [...node.home]) this.#endJob(id);
    for (const id of [...node.leases]) {
      const job = this.#jobs.get(id);
      if (job !== undefined) this.#endLease(job);
    }
    this.#changed.add(node.name);
  }

  #countAhead(job: DispatchJob): number {
    let ahead = 0;
    for (const other of this.#waiting) if (other.sinceMs < job.sinceMs) ahead += 1;
    return ahead;
  }

  #findRoom(besides: DispatchNode): DispatchNode | null {
    return this.#findBest((node) => node !== besides && !node.isDraining && freeOf(node) > 0);
  }

  #findGuestRoom(): DispatchNode | null {
    return this.#findBest(hasGuestRoom);
  }

  /** The fitting node with the most free places. */
  #findBest(fits: (node: DispatchNode) => boolean): DispatchNode | null {
    let best: DispatchNode | null = null;
    for (const node of this.#nodes.values())
      if (fits(node) && (best === null || freeOf(node) > freeOf(best))) best = node;
    return best;
  }
}

function freeOf({ capacity, leases }: DispatchNode): number {
  return Math.max(0, capacity - leases.size);
}

function hasGuestRoom(node: DispatchNode): boolean {
  return node.takesPortable && !node.isDraining && freeOf(node) > 0;
}

function sortBySince(jobs: ReadonlySet<DispatchJob>): DispatchJob[] {
  return [...jobs].sort((a, b) => a.sinceMs - b.sinceMs);
}
