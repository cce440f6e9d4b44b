import { evictDurableObject } from "cloudflare:test";
import { SignJWT } from "jose";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testBindings, testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const secret = new TextEncoder().encode(testBindings.CORRAL_VIEWER_SECRET ?? "");

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const jump = (byMs: number): void => {
  vi.setSystemTime(Date.now() + byMs);
};

let tokens = 0;

/** A publish token of a stream, for ten minutes. */
function signToken(stream: string, over: Record<string, unknown> = {}): Promise<string> {
  tokens += 1;
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { use: "publish", stream, sub: "ann", jti: `token-of-test-${tokens}`, iat, exp: iat + 600, ...over };
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(secret);
}

async function outcome(asked: Promise<Response>): Promise<string> {
  const answer = await asked;
  if (answer.status < 400) return String(answer.status);
  return `${answer.status} ${String((await readJson(answer))["type"]).replace("/problems/", "")}`;
}

/** A publisher that goes live with a token on a stream that nobody has registered. */
async function liveWithToken(stream: string, over: Record<string, unknown> = {}): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge, { stream, key: await signToken(stream, over) });
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

test("a publish token is of one session: its publisher goes on, and another one, or another broadcast, is refused", async () => {
  const publisher = await liveWithToken("tokens-once");
  const { stream, key } = publisher;
  expect(await outcome(publisher.open())).toBe("200");
  await evictDurableObject(getLiveObject(publisher));
  expect(await outcome(publisher.open())).toBe("200");
  const thief = new TestPublisher(testEdge, { stream, key });
  expect(await outcome(thief.open())).toBe("403 key-used");
  await publisher.end();
  expect(await outcome(thief.open())).toBe("403 key-used");
  const again = new TestPublisher(testEdge, { stream, key });
  Object.assign(again, { id: publisher.id });
  expect(await outcome(again.open())).toBe("403 key-used");
  again.key = await signToken(stream);
  expect(await outcome(again.open())).toBe("200");
});

test("a session goes on beyond its token's ten minutes, or with a new token, and no session begins with the old one", async () => {
  const publisher = await liveWithToken("tokens-long");
  const { stream } = publisher;
  const unused = new TestPublisher(testEdge, { stream, key: await signToken(stream) });
  jump(601_000);
  await publisher.putParts(2, 4);
  await evictDurableObject(getLiveObject(publisher));
  expect(await outcome(publisher.open())).toBe("200");
  expect(await outcome(unused.open())).toBe("403 key-expired");
  publisher.key = await signToken(stream);
  expect(await outcome(publisher.open())).toBe("200");
  const other = new TestPublisher(testEdge, { stream, key: publisher.key });
  expect(await outcome(other.open())).toBe("403 key-used");
});

test("a token's id is not usable again while the token is valid, though a clock was ahead meanwhile", async () => {
  const publisher = await liveWithToken("tokens-clock");
  const { stream, key } = publisher;
  await publisher.end();
  jump(300_000);
  const next = await liveWithToken(stream);
  await next.end();
  jump(-300_000);
  expect(await outcome(new TestPublisher(testEdge, { stream, key }).open())).toBe("403 key-used");
});

test("a viewer's token publishes nothing, whoever it is of, and a publish token opens no stream, room or control", async () => {
  const publisher = await liveWithToken("tokens-roles");
  const { stream } = publisher;
  const claims = { room: stream, sub: "hana", roles: ["host", "moderator"] };
  const made = await testEdge.ask("/dev/token", { method: "POST", body: JSON.stringify(claims) });
  const viewer = String((await readJson(made))["token"]);
  const host = new TestPublisher(testEdge, { stream, key: viewer });
  expect(await outcome(host.open())).toBe("403 publish-token-wrong");
  const wrong = new TestPublisher(testEdge, { stream, key: await signToken("tokens-elsewhere") });
  expect(await outcome(wrong.open())).toBe("403 publish-token-wrong");
  wrong.key = await signToken(stream, { exp: Math.floor(Date.now() / 1_000) + 601 });
  expect(await outcome(wrong.open())).toBe("403 publish-token-wrong");

  const policy = { method: "PUT", headers: admin, body: '{"playback":"token"}' };
  expect((await testEdge.ask(`/api/streams/${stream}/access`, policy)).status).toBe(200);
  const token = await signToken(stream);
  const bearer = { authorization: `Bearer ${token}` };
  const media = publisher.path("video", "media.m3u8");
  expect(await outcome(testEdge.ask(media, { headers: { authorization: `Bearer ${viewer}` } }))).toBe("200");
  expect(await outcome(testEdge.ask(media, { headers: bearer }))).toBe("401 token-malformed");
  expect(await outcome(testEdge.ask(`${media}?token=${token}`))).toBe("401 token-malformed");
  const ticket = { method: "POST", body: "{}", headers: bearer };
  expect(await outcome(testEdge.ask(`/rooms/${stream}/ticket`, ticket))).toBe("401 token-malformed");
  expect(await outcome(testEdge.ask(`/api/streams/${stream}/keys`, { headers: bearer }))).toBe("403 admin-token-wrong");
  expect(await outcome(testEdge.ask(`/api/streams/${stream}/stop`, { headers: bearer }))).toBe("403 admin-token-wrong");
});

test("a revocation of its subject, or of every key, cuts a token's session at once", async () => {
  const publisher = await liveWithToken("tokens-revoked", { sub: "cy", ver: 1 });
  const { stream } = publisher;
  const bystander = new TestPublisher(testEdge, { stream, key: await signToken(stream) });
  const body = JSON.stringify({ subject: "cy", version: 2 });
  const revoked = await testEdge.ask(`/api/streams/${stream}/revocations`, { method: "POST", headers: admin, body });
  expect(revoked.status).toBe(200);
  expect(await outcome(publisher.putPart("video", 2))).toBe("403 publish-token-wrong");
  expect(await outcome(bystander.open())).toBe("409 already-live");
  publisher.key = await signToken(stream, { sub: "cy", ver: 2 });
  expect(await outcome(publisher.open())).toBe("200");

  expect((await testEdge.ask(`/api/streams/${stream}/keys`, { method: "DELETE", headers: admin })).status).toBe(204);
  expect(await outcome(publisher.putPart("video", 2))).toBe("403 publish-token-wrong");
  expect(await outcome(bystander.open())).toBe("403 publish-token-wrong");
  jump(7_000);
  bystander.key = await signToken(stream);
  expect(await outcome(bystander.open())).toBe("200");
});
