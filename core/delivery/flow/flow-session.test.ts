import { expect, test } from "vitest";
import type { AccessPolicy } from "../../access/access-policy.ts";
import { PUBLIC_ACCESS_POLICY } from "../../access/access-policy.ts";
import type { Random } from "../../kit/clock.ts";
import type { BroadcastId, TrackName } from "../../kit/ids.ts";
import { EDGE_STREAM_LIMITS, FLOW_LIMITS } from "../node-limits.ts";
import { makeTestContext, makeTestEdgeStream, type TestEdgeStream } from "../testing.ts";
import { FlowSession, type FlowSessionOptions } from "./flow-session.ts";

const REQUEST = { video: "video" as TrackName, audio: null, join: "latest" } as const;

const STATUS = { state: "live" };

/** A viewer, and what it has got. */
interface Viewer {
  readonly session: FlowSession;
  readonly writes: Uint8Array[];
  /** Kinds of the events so far. */
  events(): string[];
}

/** Numbers that fill the range evenly. */
function evenRandom(): Random {
  let drawn = 0;
  return () => ((++drawn * (Math.sqrt(5) - 1)) / 2) % 1;
}

/** An edge stream that follows a broadcast of one part. */
async function follow(random?: Random): Promise<TestEdgeStream> {
  const made = makeTestEdgeStream({}, random);
  made.live.appendPart();
  const { edge, clock, video } = made;
  const pending = edge.ensureReplica(makeTestContext());
  edge.requestTrack(makeTestContext(), video);
  await clock.advance(0);
  await pending;
  await clock.advance(100);
  return made;
}

/** A viewer that stops reading after `mostWrites`. */
function open(
  { edge }: TestEdgeStream,
  over: Partial<FlowSessionOptions> = {},
  mostWrites = Number.POSITIVE_INFINITY,
): Viewer {
  const session = FlowSession.open({
    ...{ edge, ctx: makeTestContext(), broadcast: "testbroadcast" as BroadcastId, request: REQUEST },
    mayWatch: () => true,
    status: () => STATUS,
    network: null,
    ...over,
  });
  if (session === null) throw new Error("no place");
  const writes: Uint8Array[] = [];
  void (async () => {
    while (writes.length < mostWrites) {
      const bytes = await session.next();
      if (bytes === null) return;
      writes.push(bytes);
    }
  })();
  const events = (): string[] =>
    writes.flatMap((bytes) =>
      [...new TextDecoder("latin1").decode(bytes).matchAll(/\{"kind":"([a-z-]+)"(?:,"reason":"([a-z]+)")?/g)].map(
        ([, kind = "", reason]) => (reason === undefined ? kind : `${kind} ${reason}`),
      ),
    );
  return { session, writes, events };
}

test("a viewer gets what there is at once, and each part as it comes, in one write", async () => {
  const made = await follow();
  const viewer = open(made);
  await made.clock.advance(0);
  expect(viewer.events()).toEqual(["caught-up", "status"]);
  const before = viewer.writes.length;
  for (let i = 0; i < 3; i += 1) {
    made.live.appendPart();
    await made.clock.advance(0);
  }
  expect(viewer.writes.length).toBe(before + 3);
  expect(made.edge.counters.estimateAudience(0).viewers).toBe(1);
  viewer.session.close();
  expect(made.edge.counters.estimateAudience(0).viewers).toBe(0);
  await made.clock.advance(0);
  expect(made.edge.parkedCount).toBe(0);
});

test("a status is sent once, again when it has changed, and at most every few seconds", async () => {
  const made = await follow();
  let status = STATUS;
  const viewer = open(made, { status: () => status });
  const count = (): number => viewer.events().filter((kind) => kind === "status").length;
  await made.clock.advance(3 * FLOW_LIMITS.statusMs);
  expect(count()).toBe(1);
  for (let changes = 0; changes < 8; changes += 1) {
    status = { ...STATUS };
    await made.clock.advance(FLOW_LIMITS.statusMs / 4);
  }
  // One change after a long time, then one an interval.
  expect(count()).toBeGreaterThanOrEqual(3);
  expect(count()).toBeLessThanOrEqual(4);
});

test("a stop ends the response at once, and a revocation within its check", async () => {
  const made = await follow();
  let may = true;
  const [stopped, revoked] = [open(made), open(made, { mayWatch: () => may })];
  await made.clock.advance(0);
  may = false;
  await made.clock.advance(FLOW_LIMITS.checkMs);
  expect(revoked.events().at(-1)).toBe("bye refused");
  expect(stopped.session.isOver).toBe(false);
  const stop = { category: "safety", reason: "No.", untilMs: null, atMs: 0, authority: "operator" } as const;
  const access: AccessPolicy = { ...PUBLIC_ACCESS_POLICY, revision: 1, stop };
  made.live.setAccess(access);
  await made.clock.advance(0);
  expect(stopped.events().at(-1)).toBe("bye refused");
});

test("a change of access is checked before anything else is sent", async () => {
  const made = await follow();
  let may = true;
  const viewer = open(made, { mayWatch: () => may });
  await made.clock.advance(0);
  may = false;
  const before = viewer.writes.length;
  made.live.setAccess({ ...PUBLIC_ACCESS_POLICY, revision: 1, playback: "token" });
  made.live.appendPart();
  await made.clock.advance(0);
  expect([viewer.writes.length - before, viewer.events().at(-1)]).toEqual([1, "bye refused"]);
});

test("the end of the broadcast, another broadcast and the longest duration end the response, each with its reason", async () => {
  const made = await follow();
  const viewer = open(made);
  await made.clock.advance(0);
  made.live.replica.appendEntry({ kind: "end" }, null);
  await made.clock.advance(0);
  expect(viewer.events().at(-1)).toBe("bye ended");

  const other = await follow();
  const replaced = open(other);
  await other.clock.advance(0);
  other.replaceBroadcast("another" as BroadcastId).appendPart();
  await other.clock.advance(5_000);
  expect(replaced.events().at(-1)).toBe("bye replaced");

  const long = await follow();
  const renewed = open(long);
  for (let ms = 0; ms < FLOW_LIMITS.maxDurationMs && !renewed.session.isOver; ms += 500) {
    long.live.appendPart();
    await long.clock.advance(500);
  }
  expect(renewed.events().at(-1)).toBe("bye renew");
});

test.each([
  { viewers: 1, apartMs: 0, steadyMs: 120_000 },
  { viewers: 400, apartMs: 25, steadyMs: 20_000 },
  { viewers: 400, apartMs: 0, steadyMs: 20_000 },
])(
  "without any other request, $viewers viewers keep the feed alive, also when it breaks: they came $apartMs ms apart",
  async ({ viewers: count, apartMs, steadyMs }) => {
    const made = await follow(evenRandom());
    const viewers: Viewer[] = [];
    for (let i = 0; i < count; i += 1) {
      viewers.push(open(made));
      await made.clock.advance(apartMs);
    }
    for (let ms = 0; ms < steadyMs; ms += 500) {
      made.live.appendPart();
      await made.clock.advance(500);
    }
    const before = viewers.map(({ writes }) => writes.length);
    made.live.silenceFeeds();
    await made.clock.advance(EDGE_STREAM_LIMITS.leaseSuspectMs + 1.5 * FLOW_LIMITS.checkMs);
    made.live.appendPart();
    await made.clock.advance(FLOW_LIMITS.longestUnitMs);
    expect(viewers.filter(({ writes }, i) => writes.length > (before[i] ?? 0)).length).toBe(count);
    expect(viewers.some(({ session }) => session.isOver)).toBe(false);
  },
);

test("where a feed has ended a viewer that waits reads the next, though another has stopped reading", async () => {
  const made = await follow();
  const stuck = open(made, {}, 1);
  const viewer = open(made);
  await made.clock.advance(0);
  const [feeds, before] = [made.live.queries.length, viewer.writes.length];
  made.live.feeds.closeAll();
  await made.clock.advance(0);
  expect(made.live.queries.length).toBe(feeds + 1);
  made.live.appendPart();
  await made.clock.advance(0);
  expect(viewer.writes.length).toBeGreaterThan(before);
  expect(stuck.writes.length).toBe(1);
});

test("where a feed has ended while no viewer waits, the first that goes on reads the next", async () => {
  const made = await follow();
  open(made, {}, 1);
  const viewer = open(made, {}, 1);
  await made.clock.advance(0);
  const feeds = made.live.queries.length;
  made.live.feeds.closeAll();
  await made.clock.advance(0);
  expect(made.live.queries.length).toBe(feeds);
  void viewer.session.next();
  await made.clock.advance(0);
  expect(made.live.queries.length).toBe(feeds + 1);
});

test("a viewer that has stopped reading gives its place back after the longest duration; what it reads then is the end", async () => {
  const made = await follow();
  const stuck = open(made, {}, 1);
  await made.clock.advance(0);
  expect([stuck.writes.length, made.edge.flow.viewers]).toEqual([1, 1]);
  await made.clock.advance(FLOW_LIMITS.maxDurationMs + FLOW_LIMITS.longestCheckMs);
  expect(made.edge.flow.viewers).toBe(0);
  const bye = (await stuck.session.next()) ?? new Uint8Array();
  expect(new TextDecoder("latin1").decode(bye)).toContain('"reason":"renew"');
  expect([stuck.session.isOver, made.edge.flow.viewers]).toEqual([true, 0]);
});

test("responses, their bytes, ends and refusals are counted", async () => {
  const made = await follow();
  const viewer = open(made);
  await made.clock.advance(0);
  made.live.appendPart();
  await made.clock.advance(0);
  const { ownCounters } = made.edge.counters;
  const bytes = viewer.writes.reduce((sum, each) => sum + each.byteLength, 0);
  expect(ownCounters).toMatchObject({ flowOpens: 1, flowByes: 0, flowSkips: 0, flowBytes: bytes });
  made.live.replica.appendEntry({ kind: "end" }, null);
  await made.clock.advance(0);
  const refused: (FlowSession | null)[] = [];
  const network = "one";
  while (!refused.includes(null)) {
    refused.push(
      FlowSession.open({
        ...{ edge: made.edge, ctx: makeTestContext(), broadcast: "testbroadcast" as BroadcastId, request: REQUEST },
        ...{ mayWatch: () => true, status: () => null, network },
      }),
    );
  }
  expect(ownCounters).toMatchObject({ flowOpens: refused.length, refusedByNetwork: 1, flowByes: 1 });
});

test("one network holds its share of places, and gives it back", async () => {
  const made = await follow();
  const take = (network: string): FlowSession | null =>
    FlowSession.open({
      ...{ edge: made.edge, ctx: makeTestContext(), broadcast: "testbroadcast" as BroadcastId, request: REQUEST },
      mayWatch: () => true,
      status: () => null,
      network,
    });
  const held: FlowSession[] = [];
  for (let next = take("a"); next !== null; next = take("a")) held.push(next);
  expect(held.length).toBeGreaterThanOrEqual(FLOW_LIMITS.viewersPerNetwork);
  expect(held.length).toBeLessThan(FLOW_LIMITS.viewers / 2);
  expect(take("b")).not.toBeNull();
  held[0]?.close();
  expect(take("a")).not.toBeNull();
});
