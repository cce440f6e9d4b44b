import { expect, test } from "vitest";
import { HEALTH_REPORT_LIMITS } from "../../core/ingest/health/health-schemas.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { issueTestKey, readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const CHECK = { id: "b-frames", severity: "info", sinceMs: 1, value: 2, limit: 0, say: "Two.", fix: "None." };
const REPORT = { state: "good", atMs: 1_760_000_000_000, checks: [CHECK] };

const putHealth = (stream: string, key: string, body: unknown, publisher = "publisher-of-health"): Promise<Response> =>
  testEdge.ask(`/ingest/${stream}/health`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: publisher },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const askHealth = (stream: string, headers: Record<string, string> = admin): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/health`, { headers });

test("a report is told as JSON, and with it the raised checks in the metrics", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const { stream, key, id } = publisher;
  expect(await readJson(await askHealth(stream))).toEqual({ stream, state: "no-data", reportedMs: null, checks: [] });
  expect((await putHealth(stream, key, REPORT, id)).status).toBe(204);
  const answer = await askHealth(stream);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await readJson(answer)).toMatchObject({ stream, state: "good", checks: [CHECK] });
  const metrics = await (await testEdge.ask(`/metrics?stream=${stream}`, { headers: admin })).text();
  expect(metrics).toContain(`corral_ingest_health{stream="${stream}",check="b-frames"} 1\n`);
});

test("the health of a live publisher is not overwritten by another one of its stream", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const other = await issueTestKey(testEdge, publisher.stream);
  expect((await putHealth(publisher.stream, other.key, REPORT)).status).toBe(409);
  expect((await putHealth(publisher.stream, publisher.key, REPORT)).status).toBe(409);
});

test("a revoked key reports nothing, and its stream's health says so", async () => {
  const stream = "health-revoked";
  const { key, id } = await issueTestKey(testEdge, stream);
  const publisher = new TestPublisher(testEdge, { stream, key });
  await publisher.openWithInits();
  expect((await putHealth(stream, key, REPORT, publisher.id)).status).toBe(204);
  await testEdge.ask(`/api/streams/${stream}/keys/${id}`, { method: "DELETE", headers: admin });
  expect((await putHealth(stream, key, REPORT, publisher.id)).status).toBe(403);
  const health = await readJson(await askHealth(stream));
  expect(health).toMatchObject({ state: "revoked", checks: [{ id: "key-revoked", severity: "error" }] });
});

test("reports that are malformed, too large or too many are refused", async () => {
  const stream = "health-bounds";
  const { key } = await issueTestKey(testEdge, stream);
  for (const body of [
    "",
    "{",
    { ...REPORT, state: "fine" },
    { ...REPORT, more: 1 },
    { ...REPORT, checks: [{ ...CHECK, id: "unknown" }] },
    { ...REPORT, checks: [{ ...CHECK, value: null }] },
    { ...REPORT, checks: [{ ...CHECK, say: "x".repeat(HEALTH_REPORT_LIMITS.sentenceChars + 1) }] },
    { ...REPORT, checks: Array.from({ length: 60 }, () => CHECK) },
  ]) {
    expect((await putHealth(stream, key, body)).status, JSON.stringify(body).slice(0, 60)).toBe(400);
  }
  expect((await putHealth(stream, key, "x".repeat(HEALTH_REPORT_LIMITS.bytes + 1))).status).toBe(413);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i += 1) statuses.push((await putHealth(stream, key, REPORT)).status);
  expect(statuses[0]).toBe(204);
  expect(statuses.at(-1)).toBe(429);
});

test("clients that accept events get one at once", async () => {
  const stream = "health-events";
  const { key } = await issueTestKey(testEdge, stream);
  expect((await putHealth(stream, key, REPORT)).status).toBe(204);
  const answer = await askHealth(stream, { ...admin, accept: "text/event-stream" });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  const text = new TextDecoder().decode(value);
  expect(text).toMatch(/^event: health\ndata: \{.*\}\n\n$/);
  expect(JSON.parse(text.split("data: ")[1] ?? "")).toMatchObject({ stream, state: "good", checks: [CHECK] });
  await reader.cancel();
  expect((await askHealth(stream, { accept: "text/event-stream" })).status).toBe(401);
});
