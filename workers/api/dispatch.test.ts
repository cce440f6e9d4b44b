import { expect, test } from "vitest";
import { DISPATCH_LIMITS } from "../../core/dispatch/dispatch-limits.ts";
import type { DispatchAnswer, HomeJob, NodeHeartbeat } from "../../core/dispatch/dispatch-message.ts";
import { readJson } from "../../tests/support/publisher.ts";
import { testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}`, "content-type": "application/json" };
const job = (id: string, isRunning = false): HomeJob => ({ job: id, isRunning, isPortable: false, waitedMs: 0 });
let sequence = 0;

async function beat(node: string, message: Partial<NodeHeartbeat>): Promise<DispatchAnswer> {
  sequence += 1;
  const whole = {
    instance: "1",
    sequence,
    freePlaces: 0,
    isDraining: false,
    takesPortable: false,
    jobs: [],
    guests: [],
  };
  const body = JSON.stringify({ ...whole, ...message });
  const answer = await testEdge.ask(`/api/dispatch/nodes/${node}`, { method: "PUT", headers: admin, body });
  expect(answer.status).toBe(200);
  return (await readJson(answer)) as unknown as DispatchAnswer;
}

const leave = (node: string): Promise<Response> =>
  testEdge.ask(`/api/dispatch/nodes/${node}`, { method: "DELETE", headers: admin, body: '{"instance":"1"}' });

test("a node's job gets its place, and a waiting one hears of it in a heartbeat that was parked", async () => {
  const first = await beat("a", { freePlaces: 1, jobs: [job("one")] });
  expect(first.placed).toMatchObject([{ job: "one", node: "a" }]);
  await beat("b", { freePlaces: 1 });
  const jobs = [job("one", true), job("two")];
  expect((await beat("a", { jobs })).waiting).toEqual([{ job: "two", ahead: 0, roomAt: "b" }]);
  // Nothing has changed: the answer waits for what the node's next message brings.
  const parked = beat("a", { jobs });
  const next = await beat("a", { freePlaces: 1, jobs: [job("two")] });
  expect(next.placed).toMatchObject([{ job: "two", node: "a" }]);
  expect((await parked).placed).toMatchObject([{ job: "two" }]);
  const status = await testEdge.ask("/api/dispatch", { headers: admin });
  expect(await readJson(status)).toMatchObject({
    jobs: 1,
    waiting: 0,
    nodes: [{ node: "a", leases: 1 }, { node: "b" }],
  });
  expect((await leave("a")).status).toBe(204);
  expect((await leave("b")).status).toBe(204);
  expect(await readJson(await testEdge.ask("/api/dispatch", { headers: admin }))).toEqual({
    jobs: 0,
    waiting: 0,
    nodes: [],
  });
});

test("a heartbeat beyond the limits, or with names that are none, is refused", async () => {
  const put = async (node: string, body: object): Promise<number> =>
    (await testEdge.ask(`/api/dispatch/nodes/${node}`, { method: "PUT", headers: admin, body: JSON.stringify(body) }))
      .status;
  const message = { instance: "1", sequence: 1, freePlaces: 0, isDraining: false, takesPortable: false, guests: [] };
  const tooMany = Array.from({ length: DISPATCH_LIMITS.jobsPerNode + 1 }, (_, n) => job(`j${n}`));
  expect(await put("c", { ...message, jobs: tooMany })).toBe(400);
  expect(await put("c", { ...message, jobs: [job("UPPER")] })).toBe(400);
  expect(await put("c", { ...message, jobs: [], freePlaces: -1 })).toBe(400);
  expect(await put("-c", { ...message, jobs: [] })).toBe(404);
  // The largest message that a node sends is accepted.
  const largest = Array.from({ length: DISPATCH_LIMITS.jobsPerNode }, (_, n) => job(`${n}`.padEnd(64, "x")));
  expect(await put("c", { ...message, jobs: largest })).toBe(200);
  expect((await leave("c")).status).toBe(204);
});
