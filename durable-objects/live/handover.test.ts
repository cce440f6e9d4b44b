import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PART_HEADER } from "../../core/ingest/publish-api.ts";
import { issueTestKey, readJson, TestPublisher, testPartMeta } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const PARTS_PER_SEGMENT = 6;

async function outcome(asked: Promise<Response>): Promise<string> {
  const answer = await asked;
  if (answer.status < 400) return String(answer.status);
  return `${answer.status} ${String((await readJson(answer))["type"]).replace("/problems/", "")}`;
}

/** Another publisher of the same broadcast. */
function beside(publisher: TestPublisher, key: string): TestPublisher {
  const { stream, config } = publisher;
  return new TestPublisher(testEdge, { stream, key, config: { broadcast: config.broadcast } });
}

const takeOver = (publisher: TestPublisher, query = ""): Promise<Response> =>
  publisher.put(`${publisher.config.broadcast}/handover${query}`);

async function primaryAndBackup(): Promise<{ primary: TestPublisher; backup: TestPublisher }> {
  const primary = new TestPublisher(testEdge);
  await primary.openWithInits();
  await primary.putParts(0, 3);
  const { key } = await issueTestKey(testEdge, primary.stream, { role: "backup" });
  return { primary, backup: beside(primary, key) };
}

test("a backup takes over from a live publisher, learns the next parts, and the former one is told so", async () => {
  const { primary, backup } = await primaryAndBackup();
  expect(await outcome(backup.open())).toBe("409 already-live");
  const answer = await takeOver(backup);
  expect(answer.status).toBe(200);
  const next = { msn: 0, part: 3 };
  expect(await readJson(answer)).toMatchObject({ tracks: { video: { next }, audio: { next } } });
  for (const asked of [primary.putPart("video", 3), primary.putInit("video", 2), primary.open(), primary.end()]) {
    expect(await outcome(asked)).toBe("409 replaced");
  }
  await evictDurableObject(getLiveObject(backup));
  expect(await outcome(primary.open())).toBe("409 replaced");
  await backup.open();
  for (const { name } of backup.config.tracks) await backup.putInit(name);
  await backup.putParts(0, 6);
  expect((await takeOver(backup)).status).toBe(200);
});

test("a key of the role primary takes over only if it says so, and comes back as it went", async () => {
  const { primary, backup } = await primaryAndBackup();
  const second = beside(primary, primary.key);
  expect(await outcome(takeOver(second))).toBe("409 already-live");
  expect((await takeOver(second, "?handover")).status).toBe(200);
  expect(await outcome(primary.putPart("video", 3))).toBe("409 replaced");
  expect((await takeOver(primary, "?handover")).status).toBe(200);
  expect(await outcome(second.putPart("video", 3))).toBe("409 replaced");
  await primary.putParts(3, 4);
  expect((await takeOver(backup)).status).toBe(200);
  expect(await outcome(takeOver(primary))).toBe("409 already-live");
});

test("a handover is one domain event, however often it is repeated", async () => {
  const { primary, backup } = await primaryAndBackup();
  expect((await takeOver(backup)).status).toBe(200);
  expect((await takeOver(backup)).status).toBe(200);
  const object = getLiveObject(primary) as unknown as DurableObjectStub;
  const told = await runInDurableObject(object, (_live, { storage }) =>
    storage.sql.exec<{ body: string }>("SELECT body FROM outbox WHERE kind = 'ingest-backup'").toArray(),
  );
  const { broadcast } = primary.config;
  expect(told.map(({ body }) => JSON.parse(body) as unknown)).toEqual([{ kind: "ingest-backup", broadcast }]);
});

test("a replaced publisher may join again when the one after it has gone silent", async () => {
  const { primary, backup } = await primaryAndBackup();
  expect((await takeOver(backup)).status).toBe(200);
  expect(await outcome(primary.open())).toBe("409 replaced");
  vi.setSystemTime(Date.now() + 11_000);
  expect(await outcome(primary.open())).toBe("200");
  await primary.putParts(3, 4);
});

test("a handover needs a valid key, an open broadcast and a use; it counts one, and a repeated one does not", async () => {
  const { primary } = await primaryAndBackup();
  const once = await issueTestKey(testEdge, primary.stream, { role: "backup", uses: 1 });
  const first = beside(primary, once.key);
  expect((await takeOver(first)).status).toBe(200);
  expect((await takeOver(first)).status).toBe(200);
  expect(await outcome(takeOver(beside(primary, once.key)))).toBe("403 key-used");
  expect(await outcome(takeOver(beside(primary, `corral_${"w".repeat(43)}`)))).toBe("403 key-wrong");
  const unknown = new TestPublisher(testEdge, { stream: primary.stream, key: primary.key });
  expect(await outcome(takeOver(unknown, "?handover"))).toBe("409 not-open");
  expect((await first.end()).status).toBe(200);
  expect(await outcome(takeOver(primary, "?handover"))).toBe("410 ended");
});

/** A step of a broadcast with two publishers, of which one is live. */
const step = fc.constantFrom("part", "part", "part", "resend", "late", "switch", "evict");

test("no part is lost or doubled, however often two publishers switch", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      const { primary, backup } = await primaryAndBackup();
      const publishers = [primary, backup] as const;
      // What the edge has accepted: the publisher of each part. The first three have the test's usual bytes.
      const accepted: (number | null)[] = [null, null, null];
      let live = 0;
      const put = async (who: number, index: number): Promise<string> => {
        const meta = testPartMeta(index);
        const statuses = new Set<string>();
        for (const { name } of primary.config.tracks) {
          const file = `${primary.config.broadcast}/${name}/${meta.msn}.${meta.part}.m4s`;
          const headers = { [PART_HEADER]: JSON.stringify(meta) };
          const bytes = new Uint8Array(20).fill(100 * (who + 1) + (index % 50));
          statuses.add(await outcome((publishers[who] ?? primary).put(file, bytes, headers)));
        }
        return [...statuses].join();
      };
      /** The live publisher sends again what the edge has lost, as its answers say. */
      const resume = async (from: number): Promise<void> => {
        for (const { name } of primary.config.tracks) await publishers[live]?.putInit(name);
        for (let index = from; index < accepted.length; index += 1) {
          expect(await put(live, index)).toBe("200");
          accepted[index] = live;
        }
      };
      const nextOf = async (answer: Response): Promise<number> => {
        const { tracks } = (await answer.json()) as { tracks: Record<string, { next: { msn: number; part: number } }> };
        const nexts = Object.values(tracks).map(({ next }) => PARTS_PER_SEGMENT * next.msn + next.part);
        expect(new Set(nexts).size).toBe(1);
        return nexts[0] ?? -1;
      };
      for (const each of steps) {
        if (each === "part") {
          expect(await put(live, accepted.length)).toBe("200");
          accepted.push(live);
        } else if (each === "resend") {
          expect(await put(live, accepted.length - 1)).toBe("200");
        } else if (each === "late") {
          // The former publisher, or one that never was, sends the part that it has next.
          expect(await put(1 - live, accepted.length)).toMatch(/^409 (replaced|already-live)$/);
        } else if (each === "switch") {
          const other = publishers[1 - live];
          if (other === undefined) throw new Error("no publisher");
          live = 1 - live;
          expect(await nextOf(await takeOver(other, "?handover"))).toBe(accepted.length);
        } else {
          await primaryStored(primary, accepted.length);
          await evictDurableObject(getLiveObject(primary));
          await resume(await nextOf((await publishers[live]?.open()) ?? Response.error()));
        }
      }
      const rest = (PARTS_PER_SEGMENT - (accepted.length % PARTS_PER_SEGMENT)) % PARTS_PER_SEGMENT;
      for (let n = 0; n < rest; n += 1) {
        expect(await put(live, accepted.length)).toBe("200");
        accepted.push(live);
      }
      for (let msn = 0; msn < accepted.length / PARTS_PER_SEGMENT; msn += 1) {
        const segment = await testEdge.ask(primary.path("video", `${msn}.m4s`));
        const bytes = new Uint8Array(await segment.arrayBuffer());
        const expected = accepted.slice(PARTS_PER_SEGMENT * msn, PARTS_PER_SEGMENT * (msn + 1)).flatMap((who, part) => {
          const index = PARTS_PER_SEGMENT * msn + part;
          return Array<number>(20).fill(who === null ? index : 100 * (who + 1) + (index % 50));
        });
        expect([...bytes], `segment ${msn}`).toEqual(expected);
      }
    }),
    { numRuns: 4, seed: 15 },
  );
});

/** Waits until the closed segments are in R2, so that an eviction loses only the open one. */
async function primaryStored(publisher: TestPublisher, parts: number): Promise<void> {
  const closed = Math.floor(parts / PARTS_PER_SEGMENT) - 1;
  await expect
    .poll(async () => (await getLiveObject(publisher).pullOutline(publisher.config.broadcast))?.tracks)
    .toMatchObject([{ lastMsn: closed }, { lastMsn: closed }]);
}
