/** The directory over HTTP, fed by the Live objects of this runtime. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { DirectoryAnswer } from "../../core/api/directory-schemas.ts";
import { directoryObjectName, selectDirectoryShard } from "../../core/directory/directory-card.ts";
import { DIRECTORY_LIMITS } from "../../core/directory/directory-limits.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { Directory } from "../../durable-objects/directory/directory.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testBindings, testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
type ListName = "live" | "upcoming" | "replays";

let made = 0;
function newPublisher(over: ConstructorParameters<typeof TestPublisher>[1] = {}): TestPublisher {
  made += 1;
  return new TestPublisher(testEdge, { stream: `listed-${made}`, ...over });
}

async function goLive(over: ConstructorParameters<typeof TestPublisher>[1] = {}): Promise<TestPublisher> {
  const publisher = newPublisher(over);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

const put = (stream: string, path: string, body: object, method = "PUT"): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/${path}`, { method, body: JSON.stringify(body), headers: admin });

async function listsOf(stream: string): Promise<ListName[]> {
  const answer = (await (await testEdge.ask("/api/directory")).json()) as DirectoryAnswer;
  const names: readonly ListName[] = ["live", "upcoming", "replays"];
  return names.filter((list) => answer[list].some((card) => card.stream === stream));
}

/** Waits until a stream is in these lists, and returns how long that took. */
async function whenListed(stream: string, lists: readonly ListName[]): Promise<number> {
  const beganMs = Date.now();
  while (JSON.stringify(await listsOf(stream)) !== JSON.stringify(lists)) {
    if (Date.now() - beganMs > 8_000) throw new Error(`${stream} is in ${await listsOf(stream)}, not in ${lists}`);
    await scheduler.wait(50);
  }
  return Date.now() - beganMs;
}

const directoryOf = (stream: string): ReturnType<typeof testBindings.DIRECTORY.getByName> =>
  testBindings.DIRECTORY.getByName(directoryObjectName(selectDirectoryShard(stream as StreamName)));

test("a new broadcast is listed within 5 s with its details, and is a recording once it ends", async () => {
  const publisher = newPublisher();
  await put(publisher.stream, "details", { title: "Night ride", host: "Ann", tags: ["bike"] });
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  expect(await whenListed(publisher.stream, ["live"])).toBeLessThan(5_000);
  const { live } = (await (await testEdge.ask("/api/directory")).json()) as DirectoryAnswer;
  expect(live.find(({ stream }) => stream === publisher.stream)).toMatchObject({
    ...{ title: "Night ride", host: "Ann", tags: ["bike"], playback: "public", viewers: 0 },
  });
  await publisher.end();
  await whenListed(publisher.stream, ["replays"]);
});

test("an announced stream is listed as upcoming, and no more when its host takes it out", async () => {
  const { stream } = newPublisher();
  const schedule = [{ startsAt: new Date(Date.now() + 3_600_000).toISOString() }];
  await put(stream, "details", { title: "Soon", schedule });
  await whenListed(stream, ["upcoming"]);
  await put(stream, "details", { title: "Soon", schedule, isListed: false });
  await whenListed(stream, []);
});

test("a restricted stream is listed only if its host says so, and a stopped one never", async () => {
  const { stream } = await goLive({ playback: "token" });
  const open = await goLive();
  await whenListed(open.stream, ["live"]);
  expect(await listsOf(stream)).toEqual([]);
  await put(stream, "details", { title: "For followers", isListed: true });
  await whenListed(stream, ["live"]);
  expect((await put(open.stream, "stop", { category: "rules", reason: "No." }, "POST")).status).toBe(200);
  await whenListed(open.stream, []);
  await put(open.stream, "stop", {}, "DELETE");
  await whenListed(open.stream, ["live"]);
});

test("a renewal keeps a stream, after the object has lost its memory too; without one it leaves", async () => {
  const publisher = await goLive();
  const { stream } = publisher;
  await whenListed(stream, ["live"]);
  await evictDurableObject(directoryOf(stream) as unknown as DurableObjectStub);
  const listedAfter = (ms: number): Promise<boolean> =>
    runInDurableObject(directoryOf(stream) as unknown as DurableObjectStub, (object) => {
      const directory = object as unknown as Directory;
      directory.platform = {
        ...systemPlatform,
        clock: { ...systemPlatform.clock, monotonicMs: () => systemPlatform.clock.monotonicMs() + ms },
      };
      return directory.list().live.some((each) => each.stream === stream);
    });
  expect(await listedAfter(DIRECTORY_LIMITS.leaseMs / 2)).toBe(true);
  expect(await listedAfter(2 * DIRECTORY_LIMITS.leaseMs)).toBe(false);
  // The alarm of its publisher's watch, which rings every 30 s.
  await runInDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub, (object) =>
    (object as unknown as { alarm(): Promise<void> }).alarm(),
  );
  await expect.poll(() => listedAfter(2 * DIRECTORY_LIMITS.leaseMs + 1_000)).toBe(true);
});

test("a page of another cursor than the API gives is refused, and any cursor costs the objects nothing", async () => {
  expect((await testEdge.ask("/api/directory?after=x")).status).toBe(400);
  const answer = await testEdge.ask("/api/directory?after=0.zzz");
  expect(await answer.json()).toEqual({ live: [], next: null, upcoming: [], replays: [] });
});
