/** Viewers' reports: what is accepted, counted and told. */
import { createExecutionContext } from "cloudflare:test";
import { expect, test } from "vitest";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { describeQuality, EMPTY_TABLES, type QualityTables } from "../../core/quality/quality-tally.ts";
import { VIEWER_REPORT_LIMITS } from "../../core/quality/viewer-report.ts";
import { readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { testBindings, testConfig, testEdge } from "../testing.ts";
import { handleViewerReports } from "./quality-api.ts";
import { COLLECTOR_LIMITS, QualityCollector } from "./quality-collector.ts";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1";

async function live(): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  return publisher;
}

const event = (publisher: TestPublisher, more: string): string =>
  `cid="${publisher.config.broadcast}",e=ps,sid="session-1",sta=p,ts=1,v=2,${more}`;

const post = (stream: string, body: BodyInit): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/cmcd`, { method: "POST", body });

/** What a report adds to the sums of its isolate; null: nothing. */
async function tablesOfReport(publisher: TestPublisher, body: string): Promise<QualityTables | null> {
  let added: QualityTables | null = null;
  const collector = new QualityCollector();
  collector.add = (_scope, _stream, tables) => {
    added = tables;
  };
  const init = { method: "POST", body, headers: { "user-agent": IPHONE }, cf: { country: "DE" } };
  const request = new Request(`http://edge.test/api/streams/${publisher.stream}/cmcd`, init as RequestInit);
  const scope = {
    env: testBindings,
    config: testConfig,
    platform: systemPlatform,
    request,
    ctx: createExecutionContext(),
  };
  const answer = await handleViewerReports(scope, publisher.stream as StreamName, collector);
  expect(answer.status).toBe(204);
  return added;
}

test("a report is summed by the country of its request, the class of its device and its rendition", async () => {
  const publisher = await live();
  const [video] = publisher.config.tracks;
  const bitrate = Math.round((video?.bandwidth ?? 0) / 1000);
  const start = event(publisher, `msd=840,ltc=1900,sn=0,br=(${bitrate};v)`);
  const later = event(publisher, `ltc=2100,sn=1,br=(${bitrate};v),bsd=(400 1200),corral-watched=300000`);
  const tables = (await tablesOfReport(publisher, `${start}\n${later}\n`)) ?? EMPTY_TABLES;
  const row = { viewers: 1, stalls: 2, stalledMs: 1_600, watchedMs: 300_000, errors: 0, stallsPerHour: 24 };
  expect(describeQuality(tables)).toMatchObject({
    all: row,
    country: [{ name: "DE", ...row }],
    device: [{ name: "phone", ...row }],
    rendition: [{ name: video?.name, ...row }],
  });
  // Nothing of the session is left.
  expect(JSON.stringify(tables)).not.toContain("session-1");
});

test("reports of another broadcast are accepted and not counted", async () => {
  const publisher = await live();
  expect(await tablesOfReport(publisher, 'cid="broadcast0",e=t,sid="session-1",ts=1,v=2')).toBeNull();
});

test("what is no report is refused, however it is made", async () => {
  const { stream, config } = await live();
  const valid = `cid="${config.broadcast}",e=t,sid="session-1",sn=4,ts=1,v=2`;
  const deep = "(".repeat(900);
  for (const body of [
    ...["", "\n\n", "{}", "v=2", "e=t,v=2", `${valid.replace("v=2", "v=1")}`, valid.replace("e=t", "e=7")],
    ...[`${valid}\nnothing`, Array.from({ length: 9 }, () => 'cid="b",e=t,sid="s",v=2').join("\n")],
    ...[`bsd=${deep},${valid}`, `sid="${"x".repeat(500)}",cid="b",e=t,v=2`, "\u0000\ud800", '__proto__="x"'],
    ...['cid="b",e=t,sid="s",v=2,msd=99999999999999999999', "sid=session-1;cid;e;v"],
  ]) {
    expect((await post(stream, body)).status, JSON.stringify(body).slice(0, 60)).toBe(400);
  }
  expect((await post(stream, new Uint8Array([0xff, 0xfe, 0x00]))).status).toBe(400);
  expect((await post(stream, "x".repeat(VIEWER_REPORT_LIMITS.bytes + 1))).status).toBe(413);
  expect((await post(stream, valid)).status).toBe(204);
  expect((await post("nobodys-stream-of-quality", valid)).status).toBe(404);
});

test("an isolate sends the sums of all reports in one call, and the API tells them to hosts", async () => {
  const publisher = await live();
  const stream = publisher.stream as StreamName;
  const clock = new VirtualClock();
  const work: Promise<unknown>[] = [];
  const ctx = { waitUntil: (promise: Promise<unknown>): void => void work.push(promise) };
  const scope = { env: testBindings, platform: { ...systemPlatform, clock }, ctx };
  const collector = new QualityCollector();
  const report = async (more: string): Promise<void> => {
    const tables = await tablesOfReport(publisher, event(publisher, more));
    if (tables !== null) collector.add(scope, stream, tables);
  };
  await report("sn=0,msd=700,ltc=1500");
  await report("sn=1,corral-watched=120000");
  expect(work).toHaveLength(1);
  await clock.advance(COLLECTOR_LIMITS.periodMs);
  await Promise.all(work);
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const answer = await testEdge.ask(`/api/streams/${stream}/quality`, { headers });
  expect(await readJson(answer)).toMatchObject({
    ...{ stream, all: { viewers: 1, watchedMs: 120_000 }, country: [{ name: "DE" }], device: [{ name: "phone" }] },
  });
  expect((await testEdge.ask(`/api/streams/${stream}/quality?from=now`, { headers })).status).toBe(400);
});

test("sums that nobody sends are sent with a later report", async () => {
  const publisher = await live();
  const clock = new VirtualClock();
  let senders = 0;
  // The platform ends this request before it has sent anything.
  const endedClock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    startTimer: () => () => {},
  };
  const ended = { ...systemPlatform, clock: endedClock };
  const ctx = {
    waitUntil: () => {
      senders += 1;
    },
  };
  const tables = (await tablesOfReport(publisher, event(publisher, "sn=0"))) ?? EMPTY_TABLES;
  const collector = new QualityCollector();
  const stream = publisher.stream as StreamName;
  collector.add({ env: testBindings, platform: ended, ctx }, stream, tables);
  await clock.advance(COLLECTOR_LIMITS.abandonedMs - 1);
  collector.add({ env: testBindings, platform: ended, ctx }, stream, tables);
  expect(senders).toBe(1);
  await clock.advance(1);
  collector.add({ env: testBindings, platform: ended, ctx }, stream, tables);
  expect(senders).toBe(2);
});

test("an isolate holds the sums of a bounded number of streams", () => {
  const collector = new QualityCollector();
  const clock = new VirtualClock();
  let senders = 0;
  const ctx = {
    waitUntil: () => {
      senders += 1;
    },
  };
  for (let n = 0; n < 2 * COLLECTOR_LIMITS.streams; n += 1) {
    const scope = { env: testBindings, platform: { ...systemPlatform, clock }, ctx };
    collector.add(scope, `stream-${n}` as StreamName, EMPTY_TABLES);
  }
  expect(senders).toBe(COLLECTOR_LIMITS.streams);
});

test("sums that nobody sends any more leave their places to other streams", async () => {
  const collector = new QualityCollector();
  const clock = new VirtualClock();
  let senders = 0;
  const ctx = {
    waitUntil: () => {
      senders += 1;
    },
  };
  // The platform ends these requests before they have sent anything.
  const endedClock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    startTimer: () => () => {},
  };
  const scope = { env: testBindings, platform: { ...systemPlatform, clock: endedClock }, ctx };
  for (let n = 0; n < COLLECTOR_LIMITS.streams; n += 1) collector.add(scope, `left-${n}` as StreamName, EMPTY_TABLES);
  await clock.advance(COLLECTOR_LIMITS.abandonedMs - 1);
  collector.add(scope, "another" as StreamName, EMPTY_TABLES);
  expect(senders).toBe(COLLECTOR_LIMITS.streams);
  await clock.advance(1);
  collector.add(scope, "another" as StreamName, EMPTY_TABLES);
  expect(senders).toBe(COLLECTOR_LIMITS.streams + 1);
});
