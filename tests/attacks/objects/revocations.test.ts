/** Attempts to fill a stream's revocation pools, so that nobody can be revoked or banned. */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { ACCESS_LIMITS, ALL_TOKEN_VERSIONS } from "../../../core/access/access-policy.ts";
import type { Live } from "../../../durable-objects/live/live.ts";
import { issueTestToken, waitForCondition } from "../../../durable-objects/room/testing.ts";
import { getLiveObject, testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";

function control(stream: string, rest: string, method: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  return testEdge.ask(`/api/streams/${stream}/${rest}`, { method, headers, body: JSON.stringify(body) });
}

/** A token stream. */
async function gated(): Promise<{
  publisher: TestPublisher;
  /** The stream's object; a new stub each time, since one breaks when the object loses its memory. */
  live: () => DurableObjectStub<Live>;
  /** Waits until a token of the subject gets this status. */
  answered: (sub: string, status: number) => Promise<void>;
}> {
  const publisher = new TestPublisher(testEdge);
  const { stream } = publisher;
  await control(stream, "access", "PUT", { playback: "token" });
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const answered = async (sub: string, status: number): Promise<void> => {
    const headers = { authorization: `Bearer ${await issueTestToken(stream, { sub })}` };
    await waitForCondition(async () => {
      const answer = await testEdge.ask(publisher.path("video", "0.1.m4s"), { headers });
      await answer.arrayBuffer();
      return answer.status === status;
    });
  };
  return { publisher, live: () => getLiveObject(publisher) as unknown as DurableObjectStub<Live>, answered };
}

function flood(live: DurableObjectStub<Live>, count: number, actor: string): Promise<void> {
  return runInDurableObject(live, async (object) => {
    for (let index = 0; index < count; index += 1) {
      await object.revoke({ subject: `${actor}-${index}`, version: ALL_TOKEN_VERSIONS, by: "ban", actor });
    }
  });
}

test("more bans than the pool holds prevent neither the operator's revocations nor later bans from ending playback", async () => {
  const { publisher, live, answered } = await gated();
  const { stream } = publisher;
  const revoke = async (subject: string): Promise<void> => {
    expect((await control(stream, "revocations", "POST", { subject, version: 1 })).status).toBe(200);
  };
  await revoke("ann");
  await flood(live(), ACCESS_LIMITS.bans + 100, "flood");
  await answered("ann", 403);
  await answered("bob", 200);
  await revoke("bob");
  await answered("bob", 403);
  await flood(live(), 1, "later");
  await answered("later-0", 403);
  await answered(`flood-${ACCESS_LIMITS.bans}`, 403);
  // The stored policy is the same, in the pieces that a feed begins with.
  await publisher.restartNode();
  for (const sub of ["ann", "bob", "later-0", `flood-${ACCESS_LIMITS.bans}`]) await answered(sub, 403);
  await answered("cat", 200);
  expect((await live().access()).revocations.length).toBe(ACCESS_LIMITS.bans + 2);
});

test("revocations stored by earlier versions hold", async () => {
  const { publisher, live, answered } = await gated();
  await runInDurableObject(live(), (_, { storage }) => {
    const untilMs = Date.now() + ACCESS_LIMITS.tokenLifetimeMs;
    const revocations = [{ subject: "ann", version: ALL_TOKEN_VERSIONS, by: "ban", untilMs }];
    storage.kv.put("access", { revision: 7, playback: "token", revocations });
    // Storage without a version is from such a release.
    storage.sql.exec("DROP TABLE schema_version");
  });
  for (let times = 0; times < 2; times += 1) {
    await publisher.restartNode();
    expect(await live().access()).toMatchObject({ revision: 7, playback: "token", revocations: [{ subject: "ann" }] });
  }
  await publisher.putParts(0, 2);
  await answered("ann", 403);
  await answered("bob", 200);
});
