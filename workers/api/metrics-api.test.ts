import { expect, test } from "vitest";
import { readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { app } from "../app.ts";
import type { Env } from "../env.ts";
import { testBindings, testEdge } from "../testing.ts";

const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
const TOKEN = "metrics-token-of-the-tests-of-32-bytes";
const life = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
const askWith = (env: Partial<Env>, init: RequestInit = {}): Promise<Response> =>
  Promise.resolve(app.request("/metrics", init, { ...testBindings, ...env }, life));

test("named streams are rendered as Prometheus text, and one that was never live as unknown", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const answer = await testEdge.ask(
    `/metrics?stream=${publisher.stream}&stream=unheard-of`,
    bearer(testEdge.adminToken),
  );
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const lines = (await answer.text()).split("\n");
  expect(lines).toContain(`corral_stream_state{stream="${publisher.stream}",state="live"} 1`);
  expect(lines).toContain('corral_stream_known{stream="unheard-of"} 0');
  expect(lines).toContain("# TYPE corral_tier_requests_total counter");
  expect(lines.at(-1)).toBe("");
});

test("streams of this isolate are rendered without being named", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  await (await testEdge.ask(publisher.path("video", "media.m3u8"))).text();
  const text = await (await testEdge.ask("/metrics", bearer(testEdge.adminToken))).text();
  expect(text).toContain(`corral_stream_known{stream="${publisher.stream}"} 1`);
});

test("the metrics token gives access, the admin token only without a metrics token, and without both access is refused", async () => {
  expect((await askWith({ CORRAL_METRICS_TOKEN: TOKEN }, bearer(TOKEN))).status).toBe(200);
  expect((await askWith({ CORRAL_METRICS_TOKEN: TOKEN }, bearer(testEdge.adminToken))).status).toBe(403);
  expect((await askWith({}, bearer(testEdge.adminToken))).status).toBe(200);
  expect((await askWith({})).headers.get("www-authenticate")).toContain("Bearer");
  const shut = await askWith({ CORRAL_METRICS_TOKEN: "", CORRAL_ADMIN_TOKEN: "" }, bearer("m"));
  expect(shut.status).toBe(403);
  expect(shut.headers.get("content-type")).toBe("application/problem+json");
  expect((await readJson(shut))["detail"]).toContain("CORRAL_METRICS_TOKEN");
});

test("invalid stream names, and more names than the limit, are refused with a reason", async () => {
  const many = Array.from({ length: 17 }, (_, index) => `stream=s${index}`).join("&");
  for (const query of ["stream=A", "stream=", many]) {
    const answer = await testEdge.ask(`/metrics?${query}`, bearer(testEdge.adminToken));
    expect(answer.status, query).toBe(400);
    expect(String((await readJson(answer))["detail"]).length).toBeGreaterThan(10);
  }
});
