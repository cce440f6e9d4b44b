import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { EagerClock } from "../testing/eager-clock.ts";
import { FakeEdge } from "../testing/fake-edge.ts";
import { BroadcastPublisher } from "./broadcast-publisher.ts";
import { PublishJournal, readJournal } from "./journal.ts";
import { resendJournals } from "./resend-journals.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const PARTS = 4;
const config: BroadcastConfig = makeTestConfig();
const quiet = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "corral-journal-"));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function meta(count: number): PartMeta {
  const [msn, part] = [Math.floor(count / PARTS), count % PARTS];
  return {
    ...{ msn, part, durationTicks: 3000, independent: part === 0, gap: false },
    ...(part === 0 ? { start: { programTimeMs: count, initVersion: 1, discontinuity: false } } : {}),
    ...(part === PARTS - 1 ? { close: {} } : {}),
  };
}

/** A publisher with a journal, and what is needed to restart it. */
async function begin(): Promise<{
  edge: FakeEdge;
  folder: string;
  target: Target;
  push: (n: number) => void;
  publisher: BroadcastPublisher;
}> {
  const edge = await new FakeEdge().start();
  stops.push(() => edge.stop());
  const folder = newFolder();
  const target: Target = {
    edge: edge.url,
    key: "secret",
    stream: "demo" as StreamName,
    publisher: "publisher",
    log: quiet,
    platform: { ...systemPlatform, clock: new EagerClock() },
  };
  const journal = new PublishJournal(join(folder, config.broadcast), config, (text) => expect.fail(text));
  const publisher = new BroadcastPublisher({
    ...target,
    config,
    journal,
    onFatal: (error) => expect.fail(error.message),
  });
  stops.push(() => publisher.close());
  let count = 0;
  const push = (parts: number): void => {
    for (const until = count + parts; count < until; count += 1) {
      for (const { name: track } of config.tracks) {
        if (count === 0) publisher.push({ kind: "init", track, version: 1, bytes: Buffer.from("init") });
        publisher.push({ kind: "part", track, meta: meta(count), bytes: Buffer.from(`${track} ${count}`) });
      }
    }
  };
  await publisher.open();
  return { edge, folder, target, push, publisher };
}
type Target = Parameters<typeof resendJournals>[1];

const held = (edge: FakeEdge, track: string): string[] =>
  (edge.tracks.get(track)?.parts ?? []).map(({ bytes }) => bytes.toString());

test("acknowledged parts are resent by the next run after edge and publisher were killed at once", async () => {
  const { edge, folder, target, push, publisher } = await begin();
  push(10);
  while (publisher.counters().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await publisher.close();
  edge.crash();
  const before = held(edge, "video").length;
  expect(before).toBeLessThan(10);
  await resendJournals(folder, target);
  for (const { name } of config.tracks) {
    expect(held(edge, name)).toEqual(Array.from({ length: 10 }, (_, index) => `${name} ${index}`));
  }
  expect(edge.ended).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});

test("the journal contains neither stored segments nor ended broadcasts", async () => {
  const { folder, push, publisher } = await begin();
  push(40);
  while (publisher.counters().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const segments = readdirSync(join(folder, config.broadcast)).filter((name) => /^\d+$/.test(name));
  expect(segments.length).toBeLessThan(10);
  await publisher.end();
  expect(existsSync(join(folder, config.broadcast))).toBe(false);
});

test("a truncated record is dropped, and those before it are kept", async () => {
  const folder = newFolder();
  const journal = new PublishJournal(folder, config, (text) => expect.fail(text));
  const track = config.tracks[0]?.name ?? expect.fail("no track");
  const part = { kind: "part" as const, track, meta: meta(0), bytes: new Uint8Array([1, 2, 3]) };
  journal.append({ kind: "init", track, version: 1, bytes: new Uint8Array([9]) });
  journal.append(part);
  appendFileSync(join(folder, "0"), Buffer.from([0, 0, 0, 40, 0, 0, 1, 0, 123]));
  expect(readJournal(folder)?.outputs).toEqual([{ kind: "init", track, version: 1, bytes: new Uint8Array([9]) }, part]);
});

test("a broadcast that the edge refuses is reported, and its journal removed", async () => {
  const { edge, folder, target, push, publisher } = await begin();
  push(2);
  await publisher.close();
  const said: string[] = [];
  const log = { ...quiet, warn: (text: string) => void said.push(text) };
  await resendJournals(folder, { ...target, key: "wrong", log });
  expect(said).toEqual([expect.stringMatching(/was interrupted, and its end is lost: The edge refuses/)]);
  expect(edge.ended).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test("a disk without write access is reported once", () => {
  const said: string[] = [];
  const journal = new PublishJournal("/dev/null/journal", config, (text) => said.push(text));
  const track = config.tracks[0]?.name ?? expect.fail("no track");
  journal.append({ kind: "init", track, version: 1, bytes: new Uint8Array([9]) });
  journal.append({ kind: "init", track, version: 2, bytes: new Uint8Array([9]) });
  expect(said).toEqual([expect.stringMatching(/^Unconfirmed parts are no longer kept on disk: ENOTDIR/)]);
});
