/** Persistent readers of a stopped stream in every isolate of four data centres: the time of the last byte. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ColoHarness, startColoHarness } from "../../../loadtest/colos/colos.ts";
import { fetchEdge, httpTestEdge } from "../../support/edge-requests.ts";
import { readJson, type TestEdge, TestPublisher } from "../../support/publisher.ts";
import { figure, whole } from "../scale.ts";

const GOAL_MS = 1_000;
const ROUNDS = whole ? 20 : 2;
/** Readers run this long before and after the stop. */
const BEFORE_MS = 400;
const AFTER_MS = 1_500;
const PART_MS = 200;
const PATIENCE_MS = 30_000;

let colos: ColoHarness;
let door: TestEdge;

beforeAll(async () => {
  colos = await startColoHarness({ colos: 4, regions: 2, isolates: 2, latencyMs: 40 });
  door = httpTestEdge(() => colos.coreUrl, colos.adminToken);
});
afterAll(() => colos?.stop());

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function change(stream: string, method: "POST" | "DELETE"): Promise<void> {
  const body = method === "POST" ? JSON.stringify({ category: "safety", reason: "Stopped for a test." }) : null;
  const headers = { authorization: `Bearer ${colos.adminToken}` };
  const answer = await door.ask(`/api/streams/${stream}/stop`, { method, headers, body });
  if (answer.status !== 200) throw new Error(`${method}: ${answer.status} ${await answer.text()}`);
}

/** Publishes a part of each track periodically; refused parts are sent again. */
class Airing {
  readonly publisher: TestPublisher;
  readonly #end = new AbortController();
  next: number;
  #done: Promise<void>;

  constructor(publisher: TestPublisher, next: number) {
    this.publisher = publisher;
    this.next = next;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await sleep(PART_MS);
      const answers = [];
      for (const { name } of this.publisher.config.tracks)
        answers.push((await this.publisher.putPart(name, this.next)).status);
      if (answers.every((status) => status === 200)) this.next += 1;
    }
  }
}

/** A reader's repeated request: returns the status of a fully read response. */
type Ask = () => Promise<number>;

/** A reader in an isolate that repeats one kind of request. */
class Reader {
  readonly kind: string;
  readonly site: string;
  /** Time of the last successful response, `performance.now()`. */
  lastGoodMs = 0;
  /** The first refusal after a successful response. */
  refusedMs = Number.POSITIVE_INFINITY;
  readonly others = new Set<number>();
  readonly #end = new AbortController();
  readonly #done: Promise<void>;

  constructor(kind: string, site: string, ask: Ask) {
    this.kind = kind;
    this.site = site;
    this.#done = this.#run(ask);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#done;
  }

  async #run(ask: Ask): Promise<void> {
    while (!this.#end.signal.aborted) {
      const status = await ask();
      if (status === 200) {
        this.lastGoodMs = performance.now();
        this.refusedMs = Number.POSITIVE_INFINITY;
      } else if (status === 410) this.refusedMs = Math.min(this.refusedMs, performance.now());
      else this.others.add(status);
      await sleep(15);
    }
  }
}

async function read(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetchEdge(url);
  return { status: answer.status, text: await answer.text() };
}

/** All kinds of requests to an isolate: parked, held and stored objects. */
function asks(url: string, live: Airing, over: TestPublisher, alone: TestPublisher): Record<string, Ask> {
  const of = (publisher: TestPublisher, file: string): string => `${url}${publisher.path("video", file)}`;
  const plain =
    (address: string): Ask =>
    async () =>
      (await read(address)).status;
  return {
    "parked reload": async () => {
      const msn = Math.floor(live.next / 6);
      return (await read(`${of(live.publisher, "media.m3u8")}?_HLS_msn=${msn}&_HLS_part=${live.next % 6}`)).status;
    },
    "hinted part": async () =>
      (await read(of(live.publisher, `${Math.floor(live.next / 6)}.${live.next % 6}.m4s`))).status,
    "parked I-frames": async () =>
      (await read(`${of(live.publisher, "iframes.m3u8")}?_HLS_msn=${Math.floor(live.next / 6)}`)).status,
    "stored segment": plain(of(live.publisher, "0.m4s")),
    multivariant: plain(`${url}/live/${live.publisher.stream}/multivariant.m3u8`),
    "recording's playlist": plain(of(over, "vod.m3u8")),
    "recording's segment": plain(of(over, "0.m4s")),
    "recording alone": plain(of(alone, "vod.m3u8")),
    "its segment": plain(of(alone, "0.m4s")),
    "its init": plain(of(alone, "init-1.mp4")),
  };
}

async function recording(over: { stream?: string; key?: string } = {}): Promise<TestPublisher> {
  const publisher = new TestPublisher(door, over);
  await publisher.openWithInits();
  await publisher.putParts(0, 14);
  await publisher.waitUntilStored(1);
  expect((await publisher.end()).status).toBe(200);
  return publisher;
}

/** Waits until every reader has had a successful response since `sinceMs`. */
async function allServed(readers: readonly Reader[], sinceMs: number): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const without = readers.filter(({ lastGoodMs }) => lastGoodMs < sinceMs);
    if (without.length === 0) return;
    if (performance.now() > untilMs) {
      throw new Error(
        `not served: ${without.map(({ kind, site, others }) => `${kind} at ${site} (${[...others].join()})`).join("; ")}`,
      );
    }
    await sleep(20);
  }
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

test("after a stop no isolate of four data centres delivers another byte, parked or stored, and each resumes when it is undone", async () => {
  const over = await recording();
  const alone = await recording();
  const publisher = new TestPublisher(door, { stream: over.stream, key: over.key });
  await publisher.openWithInits();
  await publisher.putParts(0, 8);
  await publisher.waitUntilStored(0);
  const live = new Airing(publisher, 8);
  const readers = colos.edges.flatMap(({ url, site }) =>
    Object.entries(asks(url, live, over, alone)).map(([kind, ask]) => new Reader(kind, site, ask)),
  );
  const last: number[] = [];
  const refused: number[] = [];
  let startedMs = performance.now();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await allServed(readers, startedMs);
      await sleep(BEFORE_MS);
      const stoppedMs = performance.now();
      await Promise.all([change(over.stream, "POST"), change(alone.stream, "POST")]);
      await sleep(AFTER_MS);
      for (const { kind, site, lastGoodMs, refusedMs } of readers) {
        expect(refusedMs, `${kind} at ${site} was not refused`).toBeLessThan(Number.POSITIVE_INFINITY);
        last.push(Math.max(0, lastGoodMs - stoppedMs));
        refused.push(refusedMs - stoppedMs);
      }
      startedMs = performance.now();
      await Promise.all([change(over.stream, "DELETE"), change(alone.stream, "DELETE")]);
    }
    await allServed(readers, startedMs);
  } finally {
    // Parked requests are answered only with new media.
    await Promise.all(readers.map((reader) => reader.stop()));
    await live.stop();
  }
  const ms = (share: number, of: readonly number[]): string => `${quantile(of, share).toFixed(0)} ms`;
  figure(`stop → last media byte, 8 isolates in 4 data centres, p50`, ms(0.5, last));
  figure(`stop → last media byte, p99 of ${last.length}`, ms(0.99, last), "≤ 1 s");
  figure(`stop → last media byte, most`, ms(1, last));
  figure(`stop → first refusal, parked included, p99`, ms(0.99, refused), "≤ 1 s");
  expect(quantile(last, 0.99)).toBeLessThan(GOAL_MS);
  expect(quantile(refused, 0.99)).toBeLessThan(GOAL_MS);
  // No reader got any other refusal than the stop; a hinted part that never arrives counts as none.
  expect(
    readers.flatMap(({ kind, site, others }) => [...others].map((status) => `${kind} at ${site}: ${status}`)),
  ).toEqual([]);
  const answer = await readJson(await door.ask(`/api/streams/${over.stream}`));
  expect(answer["stop"]).toBeUndefined();
});
