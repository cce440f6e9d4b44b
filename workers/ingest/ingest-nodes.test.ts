import { expect, test } from "vitest";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { issueTestKey, readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { serveRequest } from "../app.ts";
import type { Env } from "../env.ts";
import { testBindings, testEdge } from "../testing.ts";

const INGEST_TOKEN = "ingest-token-of-the-tests-of-32-bytes";
const admin = { authorization: `Bearer ${testEdge.adminToken}` };

async function outcome(asked: Promise<Response> | Response): Promise<string> {
  const answer = await asked;
  if (answer.status < 400) return String(answer.status);
  return `${answer.status} ${String((await readJson(answer))["type"]).replace("/problems/", "")}`;
}

const askPassphrase = (stream: string, body: object, headers: Record<string, string> = admin): Promise<Response> =>
  testEdge.ask(`/ingest/${stream}/srt-passphrase`, { method: "POST", headers, body: JSON.stringify(body) });

/** Asks an edge with other variables, in this isolate. */
function askWith(variables: Partial<Env>, path: string, init: RequestInit): Promise<Response> {
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
  const env = { ...testBindings, ...variables };
  return Promise.resolve(serveRequest(new Request(`http://edge.test${path}`, init), env, context));
}

const askSession = (stream: string, key: string, publisher?: string): Promise<Response> =>
  testEdge.ask(`/ingest/${stream}/session`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, ...(publisher === undefined ? {} : { [PUBLISHER_HEADER]: publisher }) },
  });

test("a key's passphrase is its secret, computed from its id", async () => {
  const { key, id } = await issueTestKey(testEdge, "srt-right");
  const answer = await askPassphrase("srt-right", { keyId: id });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const { passphrase } = await readJson(answer);
  expect(`corral_${id}_${String(passphrase)}`).toBe(key);
});

test("ids of no usable key get one answer, whatever the reason", async () => {
  const stream = "srt-wrong";
  const [revoked, used] = [await issueTestKey(testEdge, stream), await issueTestKey(testEdge, stream, { uses: 1 })];
  const elsewhere = await issueTestKey(testEdge, "srt-elsewhere");
  const address = `/api/streams/${stream}/keys/${revoked.id}`;
  expect((await testEdge.ask(address, { method: "DELETE", headers: admin })).status).toBe(204);
  const publisher = new TestPublisher(testEdge, { stream, key: used.key });
  await publisher.openWithInits();
  const answers = new Set<string>();
  for (const keyId of [revoked.id, used.id, elsewhere.id, "0000000000", "", "not an id"]) {
    const answer = await askPassphrase(stream, { keyId });
    expect(answer.status, keyId).toBe(404);
    answers.add(await answer.text());
  }
  expect(answers.size).toBe(1);
  expect(await outcome(askPassphrase("srt-never-registered", { keyId: used.id }))).toMatch(/^404|^503/);
  // The used-up key's own session goes on.
  const own = { ...admin, [PUBLISHER_HEADER]: publisher.id };
  expect(await outcome(askPassphrase(stream, { keyId: used.id }, own))).toBe("200");
});

test("with another edge secret a key has no passphrase any more, and still publishes", async () => {
  const { key, id } = await issueTestKey(testEdge, "srt-rotated");
  const changed = { CORRAL_EDGE_SECRET: "another-edge-secret-of-more-than-32-bytes" };
  const init = { method: "POST", headers: admin, body: JSON.stringify({ keyId: id }) };
  expect(await outcome(askWith(changed, "/ingest/srt-rotated/srt-passphrase", init))).toBe("404 not-found");
  const session = { method: "POST", headers: { authorization: `Bearer ${key}` } };
  expect(await outcome(askWith(changed, "/ingest/srt-rotated/session", session))).toBe("200");
});

test("the ingest token looks passphrases up and opens nothing else", async () => {
  const { id, key } = await issueTestKey(testEdge, "srt-token");
  const variables = { CORRAL_INGEST_TOKEN: INGEST_TOKEN };
  const ask = (token: string | null): Promise<Response> =>
    askWith(variables, "/ingest/srt-token/srt-passphrase", {
      method: "POST",
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      body: JSON.stringify({ keyId: id }),
    });
  expect(await outcome(ask(INGEST_TOKEN))).toBe("200");
  expect(await outcome(ask(testEdge.adminToken))).toBe("200");
  expect(await outcome(ask(null))).toBe("401 ingest-token-missing");
  expect(await outcome(ask(`${INGEST_TOKEN}!`))).toBe("403 ingest-token-wrong");
  expect(await outcome(ask(key))).toBe("403 ingest-token-wrong");
  const control = { headers: { authorization: `Bearer ${INGEST_TOKEN}` } };
  expect(await outcome(askWith(variables, "/api/streams/srt-token/keys", control))).toBe("403 admin-token-wrong");
});

test("a sender's address that shows many wrong ids gets 429, and another one's sender its passphrase", async () => {
  const { id } = await issueTestKey(testEdge, "srt-flood");
  const asked = (address: string, keyId: string): Promise<string> =>
    outcome(askPassphrase("srt-flood", { keyId, address }));
  let last = "";
  // The test's limit is 20 in a minute, which may end meanwhile; an id that is none costs no look-up.
  for (let n = 0; n < 42 && last !== "429 too-many-requests"; n += 1) last = await asked("203.0.113.9", `wrong ${n}`);
  expect(last).toBe("429 too-many-requests");
  expect(await asked("203.0.113.10", "wrong")).toBe("404 not-found");
  expect(await asked("203.0.113.9", id)).toBe("200");
});

test("a session check says what the key permits and who is live, and counts no use", async () => {
  const stream = "session-check";
  const once = await issueTestKey(testEdge, stream, { label: "guest", role: "backup", uses: 1, expiresInS: 3_600 });
  const idle = await readJson(await askSession(stream, once.key));
  expect(idle).toEqual({
    stream,
    role: "backup",
    label: "guest",
    expiresAt: once.expiresAt,
    usesLeft: 1,
    live: null,
  });
  expect(await readJson(await askSession(stream, once.key))).toEqual(idle);
  const other = await issueTestKey(testEdge, stream);
  const publisher = new TestPublisher(testEdge, { stream, key: once.key });
  await publisher.openWithInits();
  const { broadcast } = publisher.config;
  expect(await readJson(await askSession(stream, other.key))).toMatchObject({ live: { broadcast, isOwn: false } });
  expect(await readJson(await askSession(stream, once.key, publisher.id))).toMatchObject({
    usesLeft: 0,
    live: { broadcast, isOwn: true },
  });
  expect(await outcome(askSession(stream, once.key))).toBe("403 key-used");
  expect(await outcome(askSession(stream, once.key, "another-process"))).toBe("403 key-used");
  expect(await outcome(askSession(stream, once.key, "?"))).toBe("400 malformed");
  await publisher.end();
  expect(await readJson(await askSession(stream, other.key))).toMatchObject({ live: null });
});

test("a session check refuses as a publish request does", async () => {
  const stream = "session-refused";
  const { key } = await issueTestKey(testEdge, stream);
  expect(await outcome(askSession(stream, `corral_${"w".repeat(43)}`))).toBe("403 key-wrong");
  expect(await outcome(askSession(stream, "a.b.c"))).toBe("403 publish-token-wrong");
  expect(await outcome(testEdge.ask(`/ingest/${stream}/session`, { method: "POST" }))).toBe("401 key-missing");
  const stop = { method: "POST", headers: admin, body: '{"category":"other","reason":"Not today."}' };
  expect((await testEdge.ask(`/api/streams/${stream}/stop`, stop)).status).toBe(200);
  expect(await outcome(askSession(stream, key))).toBe("403 stopped");
});
