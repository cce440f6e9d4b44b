import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { issueTestKey, readJson } from "../../tests/support/publisher.ts";
import { serveRequest } from "../app.ts";
import type { Env } from "../env.ts";
import { testBindings, testEdge } from "../testing.ts";

const ADDRESSES = "rtmp://192.0.2.7:1935 srt://192.0.2.7:8890";
const admin = { authorization: `Bearer ${testEdge.adminToken}` };

const requestBody = (authentication: string, over: object = {}): string =>
  JSON.stringify({
    ...{ service: "", schema_version: "2024-06-04", authentication },
    client: { name: "obs-studio", version: "32.2.1", supported_codecs: ["h264", "av1"] },
    capabilities: { cpu: { physical_cores: 2, logical_cores: 2 }, memory: { total: 1, free: 1 }, gpu: null },
    preferences: {
      ...{ maximum_aggregate_bitrate: null, maximum_video_tracks: null, vod_track_audio: false },
      ...{ width: 1280, height: 720, canvas_width: 1280, canvas_height: 720, composition_gpu_index: null },
      framerate: { numerator: 30, denominator: 1 },
      ...over,
    },
  });

/** What OBS does with an answer. */
interface ObsAnswer {
  readonly status: number;
  readonly error: string | null;
  readonly endpoint: unknown;
  readonly heights: readonly unknown[];
}

/** Asks an edge with ingest addresses, in this isolate. */
async function askObs(path: string, body: string, variables: Partial<Env> = {}): Promise<ObsAnswer> {
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
  const env = { ...testBindings, CORRAL_INGEST_ADDRESSES: ADDRESSES, ...variables };
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  const answer = await serveRequest(new Request(`http://edge.test/api/obs${path}`, init), env, context);
  const read = await readJson(answer);
  const { result, html_en_us } = (read["status"] ?? {}) as Record<string, unknown>;
  const encoders = (read["encoder_configurations"] ?? []) as { height: number }[];
  return {
    status: answer.status,
    error: result === "error" ? String(html_en_us) : null,
    endpoint: ((read["ingest_endpoints"] ?? []) as object[])[0] ?? null,
    heights: encoders.map(({ height }) => height),
  };
}

test("OBS gets the ladder for its canvas and the node's address, with the stream in the address or in the key", async () => {
  const { key } = await issueTestKey(testEdge, "obs-right");
  expect(await askObs("/obs-right/GetClientConfiguration", requestBody(key))).toEqual({
    ...{ status: 200, error: null, heights: [720, 480, 360] },
    endpoint: { protocol: "RTMP", url_template: "rtmp://192.0.2.7:1935/live/obs-right/{stream_key}" },
  });
  for (const authentication of [`obs-right?key=${key}`, `obs-right/${key}`]) {
    expect(await askObs("/GetClientConfiguration", requestBody(authentication))).toEqual({
      ...{ status: 200, error: null, heights: [720, 480, 360] },
      endpoint: { protocol: "RTMP", url_template: "rtmp://192.0.2.7:1935/live/{stream_key}" },
    });
  }
  const limited = requestBody(key, { maximum_video_tracks: 1, maximum_aggregate_bitrate: 1_000 });
  expect((await askObs("/obs-right/GetClientConfiguration", limited)).heights).toEqual([480]);
});

test("a request counts no use of a key", async () => {
  const { key } = await issueTestKey(testEdge, "obs-once", { uses: 1 });
  const ask = (): Promise<ObsAnswer> => askObs("/obs-once/GetClientConfiguration", requestBody(key));
  expect((await ask()).error).toBeNull();
  expect((await ask()).error).toBeNull();
});

test("refused keys get an answer that OBS shows, without a ladder", async () => {
  const stream = "obs-refused";
  const path = `/${stream}/GetClientConfiguration`;
  const { key, id } = await issueTestKey(testEdge, stream);
  const refused = async (asked: Promise<ObsAnswer>): Promise<string> => {
    const { status, error, heights, endpoint } = await asked;
    expect([status, heights, endpoint]).toEqual([200, [], null]);
    return error ?? "";
  };
  expect(await refused(askObs(path, requestBody(`corral_0000000000_${"w".repeat(43)}`)))).toMatch(/^Wrong stream key/);
  expect(await refused(askObs(path, requestBody("")))).toMatch(/^The stream key is missing/);
  expect(await refused(askObs("/GetClientConfiguration", requestBody(key)))).toMatch(/stream name is invalid/);
  expect((await testEdge.ask(`/api/streams/${stream}/keys/${id}`, { method: "DELETE", headers: admin })).status).toBe(
    204,
  );
  expect(await refused(askObs(path, requestBody(key)))).toMatch(/^Wrong stream key/);
});

test("a stopped stream is named", async () => {
  const stream = "obs-stopped";
  const { key } = await issueTestKey(testEdge, stream);
  const stop = { method: "POST", headers: admin, body: '{"category":"other","reason":"Not today."}' };
  expect((await testEdge.ask(`/api/streams/${stream}/stop`, stop)).status).toBe(200);
  expect((await askObs(`/${stream}/GetClientConfiguration`, requestBody(key))).error).toMatch(/^Stream stopped/);
});

test("an edge without an RTMP address says so", async () => {
  const { key } = await issueTestKey(testEdge, "obs-nowhere");
  const variables = { CORRAL_INGEST_ADDRESSES: "srt://192.0.2.7:8890" };
  const { error } = await askObs("/obs-nowhere/GetClientConfiguration", requestBody(key), variables);
  expect(error).toMatch(/no RTMP address.*CORRAL_INGEST_ADDRESSES/);
});

test("a body that is not OBS's is a problem, and the documented answers are those of the route", async () => {
  const body = JSON.stringify({ authentication: "k", client: {}, preferences: {} });
  const answer = await testEdge.ask("/api/obs/demo/GetClientConfiguration", { method: "POST", body });
  expect(answer.status).toBe(400);
  const { key } = await issueTestKey(testEdge, "obs-documented");
  const right = { method: "POST", body: requestBody(key) };
  expect((await testEdge.ask("/api/obs/obs-documented/GetClientConfiguration", right)).status).toBe(200);
});

test("hosts and the operator get the ingest addresses", async () => {
  const answer = await testEdge.ask("/api/streams/obs-right/ingest", { headers: admin });
  expect(await readJson(answer)).toEqual({ stream: "obs-right", rtmp: null, rtmps: null, srt: null });
  expect((await testEdge.ask("/api/streams/obs-right/ingest")).status).toBe(401);
});

test("a host manages the keys of its own stream only, without counting as a wrong admin token", async () => {
  const own = await signViewerToken("obs-host", ["host"]);
  const ask = (stream: string, token: string, path = "/keys"): Promise<Response> =>
    testEdge.ask(`/api/streams/${stream}${path}`, { headers: { authorization: `Bearer ${token}` } });
  // The tests' limit of wrong secrets is 20 in a minute.
  for (let n = 0; n < 25; n += 1) expect((await ask("obs-host", own)).status).toBe(200);
  expect((await ask("obs-host", own, "/ingest")).status).toBe(200);
  expect((await ask("obs-other-host", own)).status).toBe(403);
  expect((await ask("obs-host", await signViewerToken("obs-host", ["moderator"]))).status).toBe(403);
  const issued = await testEdge.ask("/api/streams/obs-host/keys", {
    method: "POST",
    headers: { authorization: `Bearer ${own}` },
    body: '{"label":"host"}',
  });
  expect(issued.status).toBe(201);
  const { key } = await readJson(issued);
  expect((await askObs("/obs-host/GetClientConfiguration", requestBody(String(key)))).error).toBeNull();
});

/** A viewer token with these roles. */
function signViewerToken(stream: string, roles: readonly string[]): Promise<string> {
  const iat = Math.floor(Date.now() / 1_000);
  return new SignJWT({ room: stream, sub: "ann", roles, iat, exp: iat + 600 })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(testBindings.CORRAL_VIEWER_SECRET ?? ""));
}
