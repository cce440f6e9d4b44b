import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchEdge, httpTestEdge } from "./edge-requests.ts";

const schema = { type: "object", properties: { stream: { type: "string" } }, required: ["stream"] };
const DOCUMENT = {
  openapi: "3.1.1",
  paths: {
    "/api/streams/{stream}": { get: { responses: { 200: { content: { "application/json": { schema } } } } } },
  },
  components: { schemas: {} },
};

let server: Server;
let url: string;
let status = 200;
let body: unknown;

beforeEach(async () => {
  server = createServer(({ url: path }, response) => {
    const isDocument = path === "/openapi.json";
    response.writeHead(isDocument ? 200 : status, { "content-type": "application/json" });
    response.end(JSON.stringify(isDocument ? DOCUMENT : body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test("an answer that its edge's document describes is given whole, one that it does not describe is an error", async () => {
  const { ask } = httpTestEdge(() => url, "token");
  [status, body] = [200, { stream: "demo" }];
  expect(await (await ask("/api/streams/demo?x=1")).json()).toEqual({ stream: "demo" });
  [status, body] = [200, { stream: 5 }];
  await expect(ask("/api/streams/demo")).rejects.toThrow("GET /api/streams/demo: 200 does not fit the document");
  [status, body] = [418, { stream: "demo" }];
  await expect(fetchEdge(`${url}/api/streams/demo`)).rejects.toThrow("a status that the document lacks");
  await expect(fetchEdge(new URL(`${url}/api/nope`))).rejects.toThrow("an operation that the document lacks");
  // Pages are not documented.
  expect((await fetchEdge(`${url}/watch/demo`)).status).toBe(418);
});
