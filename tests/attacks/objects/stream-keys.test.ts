/** Wrong, used-up, expired, revoked and shared stream keys: each try is refused, and few of them call an object. */
import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { REGISTRY_LIMITS } from "../../../core/access/registry/registry-limits.ts";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import { testBindings, testEdge } from "../../../workers/testing.ts";
import { issueTestKey, TestPublisher } from "../../support/publisher.ts";
import { figure, whole } from "../scale.ts";
import { CountedGateway } from "./counting.ts";

const TRIES = whole ? 1_000 : 200;
/** Tries at once: fewer than an isolate lets wait for a newer copy of the keys. */
const ROUND = 50;
const admin = { authorization: `Bearer ${testEdge.adminToken}` };

/** A live publisher with a key of these limits. */
async function live(stream: string, limits: object = {}): Promise<TestPublisher> {
  const { key } = await issueTestKey(testEdge, stream, limits);
  const publisher = new TestPublisher(testEdge, { stream, key });
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

interface Siege {
  readonly statuses: Readonly<Record<string, number>>;
  /** Calls of the Live object, by method. */
  readonly calls: Readonly<Record<string, number>>;
  readonly tookMs: number;
}

/** Opens the publisher's broadcast so often, each time as another publisher, with the key that `keyOf` gives. */
async function besiege(victim: TestPublisher, keyOf: (n: number) => string): Promise<Siege> {
  const gateway = new CountedGateway();
  const { stream, config } = victim;
  const body = JSON.stringify(config);
  const ask = (n: number): Promise<number> =>
    gateway.ask(`/ingest/${stream}/${config.broadcast}`, {
      method: "PUT",
      body,
      headers: { authorization: `Bearer ${keyOf(n)}`, [PUBLISHER_HEADER]: `stranger-${n}` },
    });
  const statuses: Record<string, number> = {};
  const beganMs = performance.now();
  for (let done = 0; done < TRIES; done += ROUND) {
    const round = await Promise.all(Array.from({ length: ROUND }, (_, n) => ask(done + n)));
    for (const status of round) statuses[status] = (statuses[status] ?? 0) + 1;
  }
  const tookMs = performance.now() - beganMs;
  const calls: Record<string, number> = {};
  for (const call of gateway.calls.filter((each) => each.startsWith("LIVE."))) calls[call] = (calls[call] ?? 0) + 1;
  return { statuses, calls, tookMs };
}

/** Times that what an isolate knows of a used-up key may have been asked for anew. */
const renewals = ({ tookMs }: Siege): number => 1 + Math.ceil(tookMs / 5_000);

test("many tries with wrong keys call the Live object by time, and the publisher continues", async () => {
  const victim = await live("besieged-wrong");
  const siege = await besiege(victim, (n) => `corral_${String(n).padStart(10, "0")}_${"w".repeat(43)}`);
  figure(`calls of the Live object for ${TRIES} wrong stream keys`, JSON.stringify(siege.calls));
  expect(siege.statuses).toEqual({ 403: TRIES });
  expect(Object.keys(siege.calls)).toEqual(["LIVE.keyHashes"]);
  expect(siege.calls["LIVE.keyHashes"]).toBeLessThanOrEqual(2 + Math.ceil(siege.tookMs / REGISTRY_LIMITS.trustMs));
  await victim.putParts(2, 4);
});

test("many tries with texts that are no keys call no object at all", async () => {
  const victim = await live("besieged-text");
  const siege = await besiege(victim, (n) => `corral_guess-${n}`);
  figure(`ms for a text that is no key, of ${TRIES}`, (siege.tookMs / TRIES).toFixed(2), 5);
  expect(siege.statuses).toEqual({ 403: TRIES });
  expect(siege.calls).toEqual({});
});

test("many tries with a one-time key in use call the Live object by time, and its session continues", async () => {
  const victim = await live("besieged-once", { uses: 1 });
  // The first one tells the isolate.
  const first = new TestPublisher(testEdge, { stream: victim.stream, key: victim.key });
  expect((await first.open()).status).toBe(403);
  const siege = await besiege(victim, () => victim.key);
  figure(`ms for a used-up key, of ${TRIES}`, (siege.tookMs / TRIES).toFixed(2), 5);
  expect(siege.statuses).toEqual({ 403: TRIES });
  // Those of a round that finds the knowledge expired all ask.
  expect(siege.calls["LIVE.open"] ?? 0).toBeLessThanOrEqual(ROUND * renewals(siege));
  await victim.putParts(2, 4);
  await victim.end();
  expect((await besiege(victim, () => victim.key)).statuses).not.toHaveProperty("200");
});

test("many tries with an expired key are refused, and its session continues", async () => {
  const victim = await live("besieged-expired");
  const { stream } = victim;
  const keys = (await (await testEdge.ask(`/api/streams/${stream}/keys`, { headers: admin })).json()) as {
    keys: { id: string }[];
  };
  const rotation = { method: "POST", headers: admin, body: '{"overlapS":0}' };
  const rotated = await testEdge.ask(`/api/streams/${stream}/keys/${keys.keys[0]?.id}/rotate`, rotation);
  expect(rotated.status).toBe(201);
  await scheduler.wait(2);
  const siege = await besiege(victim, () => victim.key);
  expect(siege.statuses).toEqual({ 403: TRIES });
  expect(siege.calls["LIVE.open"] ?? 0).toBeLessThanOrEqual(ROUND * (1 + renewals(siege)));
  await victim.putParts(2, 4);
});

test("many tries with the key of a live publisher are refused, and it continues", async () => {
  const victim = await live("besieged-twice");
  const siege = await besiege(victim, () => victim.key);
  figure(`ms for a second publisher with a live key, of ${TRIES}`, (siege.tookMs / TRIES).toFixed(2), 5);
  expect(siege.statuses).toEqual({ 409: TRIES });
  await victim.putParts(2, 4);
});

test("many tries with forged publish tokens, and with one that was used, publish nothing", async () => {
  const victim = await live("besieged-tokens");
  const iat = Math.floor(Date.now() / 1_000);
  const sign = (secret: string): Promise<string> =>
    new SignJWT({ use: "publish", stream: victim.stream, sub: "ann", jti: "used-token", iat, exp: iat + 600 })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(secret));
  const forged = await sign("a secret that is not the deployment's, of 32 bytes");
  const wrong = await besiege(victim, (n) => forged.replace(/.{6}$/, String(n).padStart(6, "0")));
  figure(`ms for a forged publish token, of ${TRIES}`, (wrong.tookMs / TRIES).toFixed(2), 5);
  expect(wrong.statuses).toEqual({ 403: TRIES });
  expect(wrong.calls).toEqual({});
  await victim.end();
  const token = await sign(testBindings.CORRAL_VIEWER_SECRET ?? "");
  const guest = new TestPublisher(testEdge, { stream: victim.stream, key: token });
  await guest.openWithInits();
  await guest.putParts(0, 2);
  const used = await besiege(guest, () => token);
  expect(used.statuses).toEqual({ 403: TRIES });
  expect(used.calls["LIVE.open"] ?? 0).toBeLessThanOrEqual(ROUND * (1 + renewals(used)));
  await guest.putParts(2, 4);
});

test("no part is taken after a revocation is answered, while the publisher sends without a pause", async () => {
  const victim = await live("besieged-revoked");
  const { stream } = victim;
  const spare = await issueTestKey(testEdge, stream);
  let isRevoked = false;
  const after: number[] = [];
  const sending = (async () => {
    for (let index = 2; index < 200 && after.length < 4; index += 1) {
      const sentAfter = isRevoked;
      const { status } = await victim.putPart("video", index);
      if (sentAfter) after.push(status);
    }
  })();
  const keys = `/api/streams/${stream}/keys`;
  const listed = (await (await testEdge.ask(keys, { headers: admin })).json()) as { keys: { id: string }[] };
  const id = listed.keys.find((each) => each.id !== spare.id)?.id;
  expect((await testEdge.ask(`${keys}/${id}`, { method: "DELETE", headers: admin })).status).toBe(204);
  isRevoked = true;
  await sending;
  expect(after.length).toBeGreaterThan(0);
  expect(new Set(after)).toEqual(new Set([403]));
});
