import { expect, test } from "vitest";
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type { DispatchAnswer, HomeJob, NodeHeartbeat } from "./dispatch-message.ts";
import { Dispatcher } from "./dispatcher.ts";

const LEARNED_MS = DISPATCH_LIMITS.nodeTimeoutMs;

/** A dispatcher with short calls; time is what the test says. */
class Cluster {
  readonly dispatcher = new Dispatcher(-LEARNED_MS);
  nowMs = 0;
  readonly #sequences = new Map<string, number>();

  beat(node: string, message: Partial<NodeHeartbeat> = {}): DispatchAnswer {
    const sequence = (this.#sequences.get(node) ?? 0) + 1;
    this.#sequences.set(node, sequence);
    const whole = {
      instance: "1",
      sequence,
      freePlaces: 0,
      isDraining: false,
      takesPortable: false,
      jobs: [],
      guests: [],
    };
    return this.dispatcher.heartbeat(node, { ...whole, ...message }, this.nowMs) ?? expect.fail("refused");
  }
}

const job = (id: string, more: Partial<HomeJob> = {}): HomeJob => ({
  ...{ job: id, isRunning: false, isPortable: false, waitedMs: 0 },
  ...more,
});
const placedAt = ({ placed }: DispatchAnswer): Record<string, string> =>
  Object.fromEntries(placed.map((each) => [each.job, each.node]));

test("a job gets a free place of its home, and waits in order where none is left", () => {
  const cluster = new Cluster();
  const answer = cluster.beat("a", {
    freePlaces: 1,
    jobs: [job("young", { waitedMs: 5 }), job("old", { waitedMs: 900 })],
  });
  expect(placedAt(answer)).toEqual({ old: "a" });
  expect(answer.waiting).toEqual([{ job: "young", ahead: 0, roomAt: null }]);
});

test("a waiting job is told which node has room, and gets its own home's place when another job ends", () => {
  const cluster = new Cluster();
  cluster.beat("b", { freePlaces: 2 });
  cluster.beat("a", { freePlaces: 1, jobs: [job("one")] });
  const full = cluster.beat("a", { jobs: [job("one", { isRunning: true }), job("two")] });
  expect(full.waiting).toEqual([{ job: "two", ahead: 0, roomAt: "b" }]);
  expect(placedAt(cluster.beat("a", { freePlaces: 1, jobs: [job("two")] }))).toEqual({ two: "a" });
});

test("a portable job is placed at the node with the most room, which is told to run it", () => {
  const cluster = new Cluster();
  cluster.beat("b", { freePlaces: 1, takesPortable: true });
  cluster.beat("c", { freePlaces: 3, takesPortable: true });
  cluster.beat("d", { freePlaces: 9 });
  const answer = cluster.beat("a", { jobs: [job("one", { isPortable: true })] });
  expect(placedAt(answer)).toEqual({ one: "c" });
  expect(cluster.beat("c", { freePlaces: 3, takesPortable: true }).guests).toEqual([
    { job: "one", fence: answer.placed[0]?.fence },
  ]);
});

test("what a lost node ran for others is leased again at its time-out, with a higher fence", () => {
  const cluster = new Cluster();
  cluster.beat("b", { freePlaces: 2, takesPortable: true });
  const first = cluster.beat("a", { jobs: [job("one", { isPortable: true })] });
  cluster.nowMs = 5_000;
  cluster.beat("a", { jobs: [job("one", { isPortable: true })] });
  cluster.beat("c", { freePlaces: 1, takesPortable: true });
  expect(cluster.dispatcher.nextDeadlineMs).toBe(LEARNED_MS);
  cluster.dispatcher.takeChanged();
  cluster.nowMs = LEARNED_MS;
  cluster.dispatcher.tick(cluster.nowMs);
  expect([...cluster.dispatcher.takeChanged()].sort()).toEqual(["a", "b", "c"]);
  const { placed } = cluster.dispatcher.answerFor("a");
  expect(placed).toMatchObject([{ job: "one", node: "c" }]);
  expect(placed[0]?.fence).toBeGreaterThan(first.placed[0]?.fence ?? 0);
  // The lost node comes back with what it ran: it has to end that.
  expect(
    cluster.beat("b", { takesPortable: true, guests: first.placed.map(({ job: id, fence }) => ({ job: id, fence })) }),
  ).toEqual({
    ...{ placed: [], waiting: [], guests: [] },
  });
});

test("a node that its silence has cost its jobs gets them back with its next heartbeat", () => {
  const cluster = new Cluster();
  cluster.beat("a", { freePlaces: 1, jobs: [job("one")] });
  cluster.nowMs = 20_000;
  cluster.dispatcher.tick(cluster.nowMs);
  expect(cluster.dispatcher.status(cluster.nowMs)).toEqual({ nodes: [], jobs: 0, waiting: 0 });
  expect(placedAt(cluster.beat("a", { jobs: [job("one", { isRunning: true })] }))).toEqual({ one: "a" });
});

test("a sender that comes to another node takes its job along, and its old home is told once and for all", () => {
  const cluster = new Cluster();
  cluster.beat("a", { freePlaces: 1, jobs: [job("one")] });
  expect(placedAt(cluster.beat("b", { freePlaces: 1, jobs: [job("one")] }))).toEqual({ one: "b" });
  for (let n = 0; n < 3; n += 1) {
    const told = cluster.beat("a", { freePlaces: 1, jobs: [job("one", { isRunning: true })] });
    expect([told.placed, told.waiting]).toEqual([[], []]);
  }
  cluster.beat("a", { freePlaces: 1 });
  // It has come back.
  expect(placedAt(cluster.beat("a", { freePlaces: 1, jobs: [job("one")] }))).toEqual({ one: "a" });
});

test("a draining node keeps its own jobs, gives those of others back and gets no more of them", () => {
  const cluster = new Cluster();
  cluster.beat("b", { freePlaces: 2, takesPortable: true });
  cluster.beat("a", { jobs: [job("one", { isPortable: true })] });
  const drained = cluster.beat("b", { freePlaces: 2, takesPortable: true, isDraining: true, jobs: [job("own")] });
  expect([placedAt(drained), drained.guests]).toEqual([{ own: "b" }, []]);
  const { waiting } = cluster.beat("a", { jobs: [job("one", { isPortable: true })] });
  expect(waiting).toEqual([{ job: "one", ahead: 0, roomAt: null }]);
});

test("another process of a node's name has none of its leases, and a message that arrives late changes nothing", () => {
  const cluster = new Cluster();
  cluster.beat("a", { freePlaces: 1, jobs: [job("one")] });
  cluster.beat("a", { freePlaces: 1, sequence: 1 });
  expect(placedAt(cluster.dispatcher.answerFor("a"))).toEqual({ one: "a" });
  cluster.beat("a", { instance: "2", freePlaces: 1 });
  expect(cluster.dispatcher.status(0)).toMatchObject({ jobs: 0, nodes: [{ node: "a", leases: 0, freePlaces: 1 }] });
});

test("an object that has just begun places no portable job before every node could be heard", () => {
  const cluster = new Cluster();
  const young = new Dispatcher(0);
  const shared = { instance: "1", isDraining: false, guests: [] };
  const wish = { ...shared, freePlaces: 0, takesPortable: false, jobs: [job("one", { isPortable: true })] };
  const host = { ...shared, freePlaces: 2, takesPortable: true, jobs: [] };
  young.heartbeat("b", { ...host, sequence: 1 }, 0);
  expect(young.heartbeat("a", { ...wish, sequence: 1 }, 10)?.placed).toEqual([]);
  // The node that runs it is heard in time, and keeps it.
  young.heartbeat("c", { ...host, sequence: 1, guests: [{ job: "one", fence: 0 }] }, 20);
  expect(young.answerFor("a").placed).toMatchObject([{ job: "one", node: "c" }]);
  expect(cluster.dispatcher.nextDeadlineMs).toBeNull();
});

test("nodes and jobs are bounded", () => {
  const cluster = new Cluster();
  for (let n = 0; n < DISPATCH_LIMITS.nodes; n += 1) cluster.beat(`n${n}`);
  const message = {
    instance: "1",
    sequence: 1,
    freePlaces: 1,
    isDraining: false,
    takesPortable: false,
    jobs: [],
    guests: [],
  };
  expect(cluster.dispatcher.heartbeat("one-more", message, 0)).toBeNull();
  const many = Array.from({ length: 200 }, (_, n) => job(`j${n}`));
  const answer = cluster.beat("n0", { freePlaces: 500, jobs: many });
  expect(answer.placed).toHaveLength(DISPATCH_LIMITS.jobsPerNode);
});
