/** An edge whose ingest node answers WHIP wrongly: requests end in time, and the edge goes on. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestOffer } from "../../../core/ingest/whip/testing.ts";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { fetchEdge } from "../../support/edge-requests.ts";
import { freePort } from "../../support/ports.ts";

let folder = "";
let edge: LocalEdge;
let node: Server;
let key = "";
let answer: (response: ServerResponse) => void = (response) => response.end();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "corral-whip-node-"));
  node = createServer((_, response) => answer(response)).listen(0, "127.0.0.1");
  await once(node, "listening");
  const bindings = { CORRAL_WHIP_NODE: `http://127.0.0.1:${(node.address() as AddressInfo).port}` };
  edge = await startEdge({ port: await freePort(), dataDir: folder, adminToken: ADMIN_TOKEN, bindings });
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
  const issued = await fetchEdge(`${edge.url}/api/streams/demo/keys`, { method: "POST", headers, body: "{}" });
  key = ((await issued.json()) as { key: string }).key;
}, 120_000);
afterAll(async () => {
  node?.closeAllConnections();
  node?.close();
  await edge?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const offer = async (): Promise<number> => {
  const response = await sendOffer();
  await response.text();
  return response.status;
};

const sendOffer = (): ReturnType<typeof fetchEdge> => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/sdp" };
  return fetchEdge(`${edge.url}/whip/demo`, { method: "POST", headers, body: makeTestOffer() });
};

const begin = (response: ServerResponse, text: string): void => {
  response.writeHead(201, { "content-type": "application/sdp", location: "/whip/demo/0".padEnd(44, "0") });
  response.write(text);
};

test("an answer that begins and never ends is given up", { timeout: 60_000 }, async () => {
  answer = (response) => begin(response, "v=0\r\n");
  expect(await offer()).toBe(503);
});

test("an answer of any length is given up at the limit", { timeout: 60_000 }, async () => {
  answer = (response) => {
    begin(response, "a=x\r\n".repeat(50_000));
    response.end();
  };
  expect(await offer()).toBe(503);
});

test("a whole answer is passed on", { timeout: 60_000 }, async () => {
  answer = (response) => {
    begin(response, "v=0\r\n");
    response.end();
  };
  expect(await offer()).toBe(201);
});

test.each([
  [400, "invalid-offer", null],
  [401, "key-missing", null],
  [403, "key-used", null],
  [403, "stopped", null],
  [404, "not-found", null],
  [409, "already-live", null],
  [413, "too-large", null],
  [415, "unsupported-media-type", null],
  [429, "too-many-requests", "10"],
  [429, "too-many-requests", "33"],
  [503, "unavailable", "1"],
] as const)("a node's %i %s is passed on, with what it says of trying again", async (status, name, retry) => {
  answer = (response) => {
    const told = { ...(retry === "33" && { "retry-after": retry }), "accept-post": "application/sdp", location: "/x" };
    response.writeHead(status, { "content-type": "application/problem+json", ...told });
    response.end(JSON.stringify({ type: `/problems/${name}`, status, title: "of the node", detail: "A sentence." }));
  };
  const response = await sendOffer();
  const got = ["retry-after", "accept-post", "location", "content-type"].map((header) => response.headers.get(header));
  expect(await response.json()).toMatchObject({ type: `/problems/${name}`, detail: "A sentence.", status });
  expect([response.status, ...got]).toEqual([status, retry, "application/sdp", null, "application/problem+json"]);
});

test.each([
  [404, "<html>nginx</html>"],
  [500, '{"type":"/problems/unavailable"}'],
  [302, ""],
  [409, '{"type":"/problems/sold-out"}'],
] as const)("what is no problem of the node's is told as 503 (%i %s)", async (status, text) => {
  answer = (response) => {
    response.writeHead(status, { "content-type": "text/html", location: "/elsewhere" });
    response.end(text);
  };
  const response = await sendOffer();
  expect(response.headers.get("location")).toBeNull();
  expect([response.status, await response.json()]).toMatchObject([503, { type: "/problems/unavailable" }]);
});
