import { afterEach, expect, test } from "vitest";
import { createProblem } from "../../core/api/problems.ts";
import { makeTestPicture, packPicture, TestRtpSource } from "../../core/ingest/rtp/testing.ts";
import { WHIP_LIMITS } from "../../core/ingest/whip/limits.ts";
import { makeTestOffer } from "../../core/ingest/whip/testing.ts";
import type { SenderConnection } from "./sender-connection.ts";
import { closeTestWhip, openTestWhip, TEST_EDGE_TOKEN, TestWhipCaller, untilTrue } from "./testing/whip-caller.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";

afterEach(closeTestWhip);

const keyframe = (sequence = 65_530): Uint8Array[] =>
  new TestRtpSource(102, 7, sequence).write(packPicture(makeTestPicture(true)), 90_000);

test("a sender's offer is answered, and its pictures arrive after checks and DTLS", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  const answer = await caller.offer();
  expect(answer.status).toBe(201);
  expect(answer.headers.get("location")).toMatch(/^\/whip\/demo\/[0-9a-f]{32}$/);
  expect(answer.headers.get("etag")).toBe('"0"');
  await caller.connect();
  for (const packet of keyframe()) caller.sendRtp(packet);
  await untilTrue(() => whip.events.length === 2);
  expect(whip.events).toEqual(["config", "frame"]);
  expect(whip.senders[0]).toMatchObject({ protocol: "whip", stream: "demo", remoteAddress: "127.0.0.1" });
  expect(whip.senders[0]?.statistics()).toMatchObject({ packets: { missing: 0, lost: 0 } });
  await whip.clock.advance(100);
  await untilTrue(() => caller.received.rtcp > 0);
  const ended = await whip.request(caller.location, { method: "DELETE" });
  expect(ended.status).toBe(204);
  expect(whip.ends).toEqual([{ kind: "goodbye" }]);
  await untilTrue(() => caller.isClosedByPeer);
});

test("a cut sender is told by DTLS, and nothing that it sends later is taken", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  await caller.connect();
  whip.senders[0]?.close("The key was revoked.");
  expect(whip.ends).toEqual([{ kind: "closed" }]);
  await untilTrue(() => caller.isClosedByPeer);
  for (const packet of keyframe()) caller.sendRtp(packet);
  const { stun } = caller.received;
  caller.check();
  const other = await TestWhipCaller.open(whip);
  await other.offer();
  await other.connect();
  expect(whip.events).toEqual([]);
  expect(caller.received.stun).toBe(stun);
});

test("a check with a wrong password or fragment gets no answer", async () => {
  const whip = await openTestWhip();
  const [caller, other] = [await TestWhipCaller.open(whip), await TestWhipCaller.open(whip)];
  await caller.offer();
  await other.offer();
  await caller.connect();
  const { stun } = caller.received;
  caller.check("another password than it has");
  caller.check(undefined, "wxyz");
  caller.check();
  await untilTrue(() => caller.received.stun > stun);
  expect(caller.received.stun).toBe(stun + 1);
});

test("a certificate other than the offered one ends the session", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer(Array.from({ length: 32 }, () => "AB").join(":"));
  await caller.connect();
  await untilTrue(() => whip.ends.length > 0);
  expect(whip.ends).toEqual([{ kind: "lost", detail: "the certificate is not the offered one" }]);
});

test("a sender without media is lost after ten seconds, one with media after ten seconds of silence", async () => {
  const whip = await openTestWhip();
  const [idle, silent] = [await TestWhipCaller.open(whip), await TestWhipCaller.open(whip)];
  await idle.offer();
  await whip.clock.advance(5_000);
  await silent.offer();
  await silent.connect();
  await whip.clock.advance(5_000);
  expect(whip.ends).toEqual([{ kind: "lost", detail: "the sender sent no media to the announced address for 10 s" }]);
  for (const packet of keyframe()) silent.sendRtp(packet);
  await untilTrue(() => whip.events.length === 2);
  await whip.clock.advance(9_000);
  expect(whip.ends).toHaveLength(1);
  await whip.clock.advance(1_100);
  expect(whip.ends.at(-1)).toEqual({ kind: "lost", detail: "the sender sent nothing for 10 s" });
});

test("ICE is restarted by a fragment with other credentials, and candidates change nothing", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  await caller.connect();
  const headers = { "content-type": "application/trickle-ice-sdpfrag" };
  const patch = (body: string, ifMatch: string): Promise<Response> =>
    whip.request(caller.location, { method: "PATCH", body, headers: { ...headers, "if-match": ifMatch } });
  expect((await patch("a=candidate:1 1 udp 1 evil.example 9 typ host\r\n", '"0"')).status).toBe(204);
  const restarted = await patch("a=ice-ufrag:newfragment\r\na=ice-pwd:0123456789abcdefghijkl\r\n", "*");
  expect([restarted.status, restarted.headers.get("etag")]).toEqual([200, '"1"']);
  expect((await patch("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n", '"0"')).status).toBe(412);
  const { stun } = caller.received;
  caller.check();
  caller.readIce(await restarted.text());
  caller.check(undefined, "newfragment");
  await untilTrue(() => caller.received.stun > stun);
  expect(caller.received.stun).toBe(stun + 1);
});

test.each([
  ["key", undefined, 403, "key-wrong", null],
  ["key", createProblem("stopped", "No more.", 403), 403, "stopped", null],
  ["key", createProblem("key-used"), 403, "key-used", null],
  ["in-use", undefined, 409, "already-live", null],
  ["overload", undefined, 503, "unavailable", "1"],
  ["throttled", undefined, 429, "too-many-requests", "10"],
] as const)(
  "a refusal of the node for %s (%j) is answered with %i %s",
  async (reason, problem, status, name, retry) => {
    const whip = await openTestWhip({ onSender: (sender) => sender.refuse("A sentence.", reason, problem) });
    const refused = await whip.request("/whip/demo", { method: "POST", body: makeTestOffer() });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([status, retry]);
    expect(await refused.json()).toMatchObject({
      type: `/problems/${name}`,
      detail: problem?.detail ?? "A sentence.",
    });
  },
);

test("a decision that does not come is a refusal, and the sender's later acceptance an end", async () => {
  const senders: SenderConnection[] = [];
  const undecided = await openTestWhip({ onSender: (sender) => senders.push(sender) });
  const waiting = undecided.request("/whip/demo", { method: "POST", body: makeTestOffer() });
  await untilTrue(() => senders.length === 1);
  await undecided.clock.advance(WHIP_LISTENER_LIMITS.decisionMs);
  expect((await waiting).status).toBe(503);
  let end: unknown = null;
  senders[0]?.accept({
    onEvent() {},
    onEnd: (each) => {
      end = each;
    },
  });
  expect(end).toMatchObject({ kind: "lost" });
});

test.each([
  ["GET", "/whip/demo", {}, 405],
  ["PUT", "/whip/demo", {}, 405],
  ["OPTIONS", "/whip/demo", {}, 204],
  ["POST", "/whip/demo", { "content-type": "application/json" }, 415],
  ["POST", "/whip/demo", { authorization: "" }, 401],
  ["POST", "/whip/Demo", {}, 404],
  ["POST", "/elsewhere", {}, 404],
  ["POST", `/whip/demo/${"0".repeat(32)}`, {}, 405],
  ["DELETE", "/whip/demo/short", {}, 404],
  ["DELETE", `/whip/demo/${"0".repeat(32)}`, {}, 404],
  ["PATCH", `/whip/demo/${"0".repeat(32)}`, {}, 415],
  ["PATCH", `/whip/demo/${"0".repeat(32)}`, { "content-type": "application/trickle-ice-sdpfrag" }, 404],
] as const)("%s %s with %j is answered with %i", async (method, path, headers, status) => {
  const whip = await openTestWhip();
  const body = method === "POST" || method === "PATCH" || method === "PUT" ? { body: "v=0" } : {};
  const answer = await whip.request(path, { method, headers, ...body });
  expect(answer.status).toBe(status);
  if (path === "/whip/demo" && [204, 405].includes(status)) {
    expect(answer.headers.get("allow")).toBe("POST, OPTIONS");
    expect(answer.headers.get("accept-post")).toBe("application/sdp");
  }
  if (status >= 400) expect(answer.headers.get("content-type")).toBe("application/problem+json");
});

test("a session is its sender's: another key finds none", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  const headers = { authorization: `Bearer corral_${"1".repeat(10)}_${"x".repeat(43)}` };
  expect((await whip.request(caller.location, { method: "DELETE", headers })).status).toBe(404);
  expect(whip.ends).toEqual([]);
});

test("a body beyond the limit is refused, announced or not, and a broken offer with a sentence", async () => {
  const whip = await openTestWhip();
  const huge = `v=0\r\n${"a=x\r\n".repeat(WHIP_LIMITS.sdpBytes / 5)}`;
  expect((await whip.request("/whip/demo", { method: "POST", body: huge })).status).toBe(413);
  const stream = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 20; i += 1) controller.enqueue(new TextEncoder().encode(huge.slice(0, 8_000)));
      controller.close();
    },
  });
  const chunked = { method: "POST", body: stream, duplex: "half" } as RequestInit;
  expect((await whip.request("/whip/demo", chunked)).status).toBe(413);
  const broken = await whip.request("/whip/demo", { method: "POST", body: "v=0\r\nm=video" });
  expect([broken.status, await broken.json()]).toMatchObject([400, { type: "/problems/invalid-offer" }]);
  expect(whip.senders).toHaveLength(0);
});

test("offers of one network are limited in rate and number, and the edge tells whose they are", async () => {
  const whip = await openTestWhip();
  const offer = async (headers: Record<string, string> = {}): Promise<number> => {
    const answer = await whip.request("/whip/demo", { method: "POST", body: makeTestOffer(), headers });
    await answer.text();
    return answer.status;
  };
  const statuses: number[] = [];
  for (let i = 0; i < WHIP_LISTENER_LIMITS.offerRate.burst + 1; i += 1) statuses.push(await offer());
  expect(statuses.filter((status) => status === 201)).toHaveLength(WHIP_LISTENER_LIMITS.sessionsPerNetwork);
  expect(statuses.slice(WHIP_LISTENER_LIMITS.sessionsPerNetwork, -1).every((status) => status === 503)).toBe(true);
  expect(statuses.at(-1)).toBe(429);
  const told = { "corral-sender-address": "203.0.113.9" };
  expect(await offer({ ...told, "corral-ingest-token": "not the edge's" })).toBe(429);
  expect(await offer({ ...told, "corral-ingest-token": TEST_EDGE_TOKEN })).toBe(201);
  expect(whip.senders.at(-1)?.remoteAddress).toBe("203.0.113.9");
});
