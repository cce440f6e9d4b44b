/** Requests with an invalid `Host`, which no browser sends: responses of the whole edge on every route. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { httpTestEdge } from "../../support/edge-requests.ts";
import { freePort } from "../../support/ports.ts";
import { TestPublisher } from "../../support/publisher.ts";

let edge: LocalEdge;
let port: number;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-hosts-"));
  port = await freePort();
  edge = await startEdge({ port, dataDir, adminToken: door.adminToken });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** The request besides `Host`. */
interface Asking {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The status for these bytes; 0 if the edge only closes. */
function statusOf({ method, path, headers, body }: Asking, host: string): Promise<number> {
  const all = { connection: "close", ...headers, ...(body === "" ? {} : { "content-length": String(body.length) }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const sent = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...lines, "", body].join("\r\n");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(sent, "latin1"));
    let got = "";
    socket.setEncoding("latin1");
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${method} ${path} at ${host}`)));
    socket.on("data", (text: string) => {
      got += text;
      if (got.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(got)?.[1] ?? 0)));
  });
}

const NONE: readonly string[] = [
  "",
  " ",
  "a b",
  "[::",
  "[::1",
  "::1",
  "[gggg::1]",
  "@",
  ":",
  ":8080",
  "edge.test:99999",
];
/** Parsers disagree where such an authority ends. */
const AMBIGUOUS: readonly string[] = [
  "edge.test?x",
  "edge.test#x",
  "edge.test/#x",
  "edge.test\\x",
  "user@127.0.0.1",
  "user:secret@127.0.0.1",
  "127.0.0.1@edge.test",
  "127.0.0.1?.edge.test",
];
const ODD: readonly string[] = [
  "edge.test:",
  "edge.test:-1",
  "edge.test:port",
  "edge.test/live",
  "0x7f.1",
  "1.2.3.256",
  "%",
  "%00",
  "%zz.test",
  "xn--",
  "\u00e9.test",
  "\u00ff\u00fe",
  "..",
  "<script>",
  "a,b",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(1_000)}test`,
  "a".repeat(7_000),
];

/** Every route through the edge. */
function ways(publisher: TestPublisher): Asking[] {
  const { stream } = publisher;
  const get = (path: string, headers: Asking["headers"] = {}): Asking => ({ method: "GET", path, headers, body: "" });
  const send = (method: string, path: string, body = "{}", headers: Asking["headers"] = {}): Asking => ({
    method,
    path,
    headers,
    body,
  });
  const admin = { authorization: `Bearer ${door.adminToken}` };
  const playlist = `/live/${stream}/multivariant.m3u8`;
  return [
    ...["/", `/watch/${stream}`, "/assets/nope.js", "/live/nope", playlist].map((path) => get(path)),
    ...["media.m3u8", "0.m4s"].map((file) => get(publisher.path("video", file))),
    { ...get(playlist), method: "HEAD" },
    { ...get(playlist), method: "OPTIONS" },
    { ...get(`/api/streams/${stream}`, { origin: "http://edge.test" }), method: "OPTIONS" },
    get(`/api/streams/${stream}`),
    get(`/api/streams/${stream}/access`, admin),
    get(`/metrics?stream=${stream}`, admin),
    get("/api/subjects/ann/export", admin),
    get(`/rooms/${stream}/replay?from=1700000000000`),
    get(`/rooms/${stream}/socket`, {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }),
    send("POST", `/rooms/${stream}/ticket`, "{}", { origin: "http://edge.test" }),
    send("POST", `/rooms/${stream}/beacon`),
    send("POST", "/dev/token", JSON.stringify({ room: stream, sub: "ann" })),
    send("PUT", `/ingest/${stream}/broadcast1/end`, "{}", { authorization: "Bearer wrong" }),
  ];
}

test("a Host that gives no valid URL is refused, and an unusual one causes no error and grants nothing", async () => {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  const wrong: string[] = [];
  for (const way of ways(publisher)) {
    for (const host of [...NONE, ...AMBIGUOUS, ...ODD]) {
      const status = await statusOf(way, host);
      const sane = status >= 101 && status < 500 && !(way.path === "/dev/token" && status < 400);
      const isRefusable = NONE.includes(host) || AMBIGUOUS.includes(host);
      if (!sane || (isRefusable && status !== 400)) wrong.push(`${status} ${way.method} ${way.path} at ${host}`);
    }
  }
  expect(wrong.map((line) => line.slice(0, 160))).toEqual([]);
});
