/** A cluster from one seed: broadcasters and nodes come and go, messages are lost, and the dispatch object restarts. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { startInterval } from "../kit/clock.ts";
import { VirtualClock } from "../kit/virtual-clock.ts";
import { DispatchDesk } from "./dispatch-desk.ts";
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type { DispatchAnswer, JobLease, NodeHeartbeat } from "./dispatch-message.ts";
import { LeaseClient, type PlaceState, type RequestedPlace } from "./lease-client.ts";

interface ClusterOptions {
  readonly seed: number;
  readonly broadcasters: number;
  readonly nodes: number;
  readonly placesPerNode: number;
  /** Share of broadcasters whose media needs a job; half of those jobs are portable. */
  readonly jobShare: number;
  readonly seconds: number;
  readonly lossShare: number;
  /** Mean seconds between two losses of a node, and between two restarts of the object. */
  readonly nodeLossS: number;
  readonly objectLossS: number;
}

/** A process of an ingest node. */
class SimulatedNode {
  readonly name: string;
  readonly client: LeaseClient;
  readonly places: number;
  readonly jobs = new Map<string, RequestedPlace>();
  readonly running = new Set<string>();
  guests: readonly JobLease[] = [];
  isLost = false;

  constructor(cluster: SimulatedCluster, name: string, instance: string) {
    this.name = name;
    this.places = cluster.options.placesPerNode;
    this.client = new LeaseClient({
      clock: cluster.clock,
      instance,
      send: (message) => cluster.send(this, message),
      leave: () => Promise.resolve(cluster.desk.leave(name, instance)),
      freePlaces: () => this.places - this.used,
      guests: {
        running: () => this.guests,
        apply: (leases) => {
          this.guests = leases;
          cluster.checkCapacity(this);
        },
      },
    });
    this.client.start();
  }

  get used(): number {
    return this.running.size + this.guests.length;
  }

  add(cluster: SimulatedCluster, job: string, isPortable: boolean): void {
    const place = this.client.request(job, isPortable, (state) => this.#onState(cluster, job, state));
    this.jobs.set(job, place);
  }

  remove(job: string): void {
    this.jobs.get(job)?.release();
    this.jobs.delete(job);
    this.running.delete(job);
  }

  #onState(cluster: SimulatedCluster, job: string, state: PlaceState): void {
    if (this.isLost || state.kind !== "placed" || state.node !== this.name || this.running.has(job)) return;
    this.running.add(job);
    this.jobs.get(job)?.markRunning();
    cluster.checkCapacity(this);
  }
}

class SimulatedCluster {
  readonly options: ClusterOptions;
  readonly clock = new VirtualClock();
  desk: DispatchDesk = new DispatchDesk(this.clock);
  readonly nodes = new Map<string, SimulatedNode>();
  /** The home of each broadcaster. */
  readonly homes = new Map<number, string>();
  readonly problems: string[] = [];
  readonly messagesBySecond = new Map<number, number>();
  admitted = 0;
  /** Portable jobs that a lost node ran, with the node and the time of its loss. */
  readonly orphans = new Map<string, { readonly node: string; readonly sinceMs: number }>();
  readonly releaseMs: number[] = [];
  readonly #random: () => number;
  #instances = 0;
  #messages = 0;

  constructor(options: ClusterOptions) {
    this.options = options;
    const generator = xoroshiro128plus(options.seed);
    this.#random = () => (generator.next() >>> 0) / 2 ** 32;
    for (let n = 0; n < options.nodes; n += 1) this.startNode(`node-${n}`);
    for (let n = 0; n < options.broadcasters; n += 1)
      this.clock.startTimer(this.#random() * 20_000, () => this.connect(n));
    this.#repeat(options.nodeLossS, () => this.loseNode());
    this.#repeat(options.objectLossS, () => {
      this.desk = new DispatchDesk(this.clock);
    });
    startInterval(this.clock, 100, () => this.#checkOrphans());
  }

  startNode(name: string): void {
    this.#instances += 1;
    this.nodes.set(name, new SimulatedNode(this, name, `${this.#instances}`));
  }

  /** A broadcaster comes to any node that is here: nothing is asked before passthrough is admitted. */
  connect(n: number): void {
    const all = [...this.nodes.values()];
    const node = all[Math.floor(this.#random() * all.length)];
    if (node === undefined) {
      this.clock.startTimer(500, () => this.connect(n));
      return;
    }
    this.admitted += 1;
    this.homes.set(n, node.name);
    if (n < this.options.broadcasters * this.options.jobShare) node.add(this, `job-${n}`, n % 2 === 0);
    this.clock.startTimer(20_000 + this.#random() * 200_000, () => this.disconnect(n, node));
  }

  disconnect(n: number, node: SimulatedNode): void {
    if (this.homes.get(n) !== node.name || node.isLost) return;
    node.remove(`job-${n}`);
    this.orphans.delete(`job-${n}`);
    this.homes.delete(n);
    this.clock.startTimer(this.#random() * 10_000, () => this.connect(n));
  }

  /** A node vanishes with its senders, which connect elsewhere; another process comes later. Some say goodbye. */
  loseNode(): void {
    const all = [...this.nodes.values()];
    const node = all[Math.floor(this.#random() * all.length)];
    if (node === undefined || all.length < 2) return;
    this.nodes.delete(node.name);
    if (this.#random() < 0.2) void node.client.close();
    node.isLost = true;
    const nowMs = this.clock.monotonicMs();
    for (const { job } of node.guests) this.orphans.set(job, { node: node.name, sinceMs: nowMs });
    for (const [n, home] of this.homes) {
      if (home !== node.name) continue;
      this.homes.delete(n);
      this.orphans.delete(`job-${n}`);
      this.clock.startTimer(2_000 + this.#random() * 3_000, () => this.connect(n));
    }
    this.clock.startTimer(1_000 + this.#random() * 30_000, () => this.startNode(node.name));
  }

  send(node: SimulatedNode, message: NodeHeartbeat): { answer: Promise<DispatchAnswer>; abort(): void } {
    const call = Promise.withResolvers<DispatchAnswer>();
    const { desk } = this;
    const travel = (): number => 5 + this.#random() * 75;
    const isLost = (): boolean => node.isLost || this.#random() < this.options.lossShare;
    if (!isLost()) {
      this.clock.startTimer(travel(), () => {
        // An object that has restarted answers nothing that the one before it was asked.
        if (node.isLost || desk !== this.desk) return;
        const second = Math.floor(this.clock.monotonicMs() / 1000);
        this.messagesBySecond.set(second, (this.messagesBySecond.get(second) ?? 0) + 1);
        const answering = desk.heartbeat(node.name, message);
        void answering.then((answer) => {
          if (answer !== null && desk === this.desk && !isLost())
            this.clock.startTimer(travel(), () => call.resolve(answer));
        });
        this.#checkLeases();
      });
    }
    return { answer: call.promise, abort: () => call.reject(new Error("no answer")) };
  }

  checkCapacity(node: SimulatedNode): void {
    if (node.used > node.places) this.problems.push(`${node.name} runs ${node.used} jobs in ${node.places} places`);
  }

  /** Each job has one lease at most, at a node that the object takes for alive. */
  #checkLeases(): void {
    this.#messages += 1;
    if (this.#messages % CHECK_EVERY !== 0) return;
    const seen = new Set<string>();
    const alive = new Set(this.desk.status().nodes.map(({ node }) => node));
    for (const { job, node } of this.desk.leases()) {
      if (seen.has(job)) this.problems.push(`${job} is leased twice`);
      seen.add(job);
      if (!alive.has(node)) this.problems.push(`${job} is leased to nobody`);
    }
  }

  /** Jobs of lost nodes run elsewhere, or their sender has gone. */
  #checkOrphans(): void {
    if (this.orphans.size === 0) return;
    const running = new Set(
      [...this.nodes.values()].flatMap((node) => [...node.running, ...node.guests.map(({ job }) => job)]),
    );
    const nowMs = this.clock.monotonicMs();
    const hasRoom = [...this.nodes.values()].some((node) => node.used < node.places);
    const leases = new Map(this.desk.leases().map(({ job, node }) => [job, node]));
    for (const [job, { node, sinceMs }] of this.orphans) {
      // Nothing is promised while no place is free; and a node that is lost already, which nobody knows yet, is another loss.
      const leasedTo = leases.get(job) ?? node;
      if (!hasRoom) this.orphans.set(job, { node, sinceMs: nowMs });
      else if (leasedTo !== node && !this.nodes.has(leasedTo))
        this.orphans.set(job, { node: leasedTo, sinceMs: nowMs });
      if (!running.has(job)) continue;
      this.releaseMs.push(nowMs - sinceMs);
      this.orphans.delete(job);
    }
  }

  #repeat(meanS: number, action: () => void): void {
    if (meanS === 0) return;
    this.clock.startTimer(meanS * 1000 * (0.5 + this.#random()), () => {
      action();
      this.#repeat(meanS, action);
    });
  }
}

/** All leases are compared after every so many messages. */
const CHECK_EVERY = 25;
/** Promise reactions in a row after one timer: no chain of them is longer. */
const SETTLE_TURNS = 12;

const BASE = { nodes: 60, placesPerNode: 8, jobShare: 0.2, seconds: 60, lossShare: 0, nodeLossS: 3, objectLossS: 0 };

async function simulate(options: Partial<ClusterOptions> & { readonly seed: number }): Promise<SimulatedCluster> {
  const cluster = new SimulatedCluster({ broadcasters: 1_000, ...BASE, ...options });
  while (cluster.clock.fireNext(cluster.options.seconds * 1000)) for (let n = 0; n < SETTLE_TURNS; n += 1) await null;
  return cluster;
}

test("10,000 broadcasters on nodes that come and go: one lease a job, none beyond a node's places, all admitted", {
  timeout: 120_000,
}, async () => {
  const cluster = await simulate({ seed: 1, broadcasters: 10_000, nodes: 400, nodeLossS: 1, seconds: 60 });
  expect(cluster.problems.slice(0, 5)).toEqual([]);
  // Nobody waits for dispatch before their media is passed through.
  expect(cluster.admitted).toBeGreaterThan(10_000);
  const perSecond = Math.max(...cluster.messagesBySecond.values());
  expect(perSecond).toBeLessThanOrEqual(400 * (1_000 / DISPATCH_LIMITS.messageGapMs));
  const beats = [...cluster.messagesBySecond.values()].reduce((sum, count) => sum + count, 0) / cluster.options.seconds;
  expect(beats).toBeLessThan(600);
});

test("a lost node's portable jobs run elsewhere within 7 s", { timeout: 120_000 }, async () => {
  const measured: number[] = [];
  for (const seed of [2, 3, 4, 11, 12, 13]) {
    const cluster = await simulate({ seed, seconds: 90, placesPerNode: 4, jobShare: 0.17 });
    expect(cluster.problems).toEqual([]);
    measured.push(...cluster.releaseMs);
    const nowMs = cluster.clock.monotonicMs();
    expect([...cluster.orphans.values()].filter(({ sinceMs }) => nowMs - sinceMs > 7_000)).toEqual([]);
  }
  expect(measured.length).toBeGreaterThan(20);
  expect(Math.max(...measured)).toBeLessThanOrEqual(7_000);
});

test("lost messages and a dispatch object that restarts break no invariant", { timeout: 120_000 }, async () => {
  for (const seed of [5, 6, 7]) {
    const cluster = await simulate({ seed, lossShare: 0.03, objectLossS: 20, seconds: 90 });
    expect(cluster.problems).toEqual([]);
    expect(cluster.admitted).toBeGreaterThanOrEqual(1_000);
  }
});

test("where places are scarce, jobs wait, and every place is used", { timeout: 120_000 }, async () => {
  const cluster = await simulate({ seed: 8, nodes: 20, placesPerNode: 3, jobShare: 0.3, nodeLossS: 0 });
  expect(cluster.problems).toEqual([]);
  const { waiting, nodes } = cluster.desk.status();
  expect(waiting).toBeGreaterThan(100);
  expect(nodes.every(({ freePlaces }) => freePlaces === 0)).toBe(true);
});
