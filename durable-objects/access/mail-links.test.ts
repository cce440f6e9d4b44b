import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { testBindings } from "../../workers/testing.ts";
import type { MailLinks } from "./mail-links.ts";

const MINUTE_MS = 60_000;
const MANY = 10_000;

let objects = 0;
let links: ReturnType<typeof testBindings.MAIL_LINKS.getByName>;
let nowMs: number;

beforeEach(async () => {
  objects += 1;
  links = testBindings.MAIL_LINKS.getByName(`mail-links-test-${objects}`);
  nowMs = Date.now();
  await keepTime();
});

const stub = (): DurableObjectStub => links as unknown as DurableObjectStub;

/** The object reads the test's time; a new instance must be told again. */
function keepTime(): Promise<void> {
  return runInDurableObject(stub(), (object) => {
    (object as unknown as MailLinks).platform = {
      ...systemPlatform,
      clock: { ...systemPlatform.clock, nowMs: () => nowMs },
    };
  });
}

let asked = 0;
function ask(address: string, network: string | null = null, perHour = MANY): Promise<boolean> {
  asked += 1;
  return links.admit({ hash: `hash-${asked}`, address, network }, perHour);
}

test("a link is used once, within a quarter of an hour", async () => {
  expect(await ask("ann")).toBe(true);
  expect(await links.redeem(`hash-${asked}`)).toBe(true);
  expect(await links.redeem(`hash-${asked}`)).toBe(false);
  expect(await ask("ann")).toBe(true);
  nowMs += 15 * MINUTE_MS;
  expect(await links.redeem(`hash-${asked}`)).toBe(false);
  expect(await links.redeem("invented")).toBe(false);
});

test("of many at once one uses a link", async () => {
  await ask("ann");
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => links.redeem(`hash-${asked}`)));
  expect(outcomes.filter((isFirst) => isFirst)).toHaveLength(1);
});

test("a used link stays used, and a mail counted, when the object is evicted", async () => {
  for (let n = 0; n < 3; n += 1) expect(await ask("ann")).toBe(true);
  expect(await links.redeem(`hash-${asked}`)).toBe(true);
  await evictDurableObject(stub());
  await keepTime();
  expect(await links.redeem(`hash-${asked}`)).toBe(false);
  expect(await ask("ann")).toBe(false);
  expect(await links.redeem(`hash-${asked}`)).toBe(false);
});

test("an address gets three mails in a quarter of an hour and ten in a day, whoever asks", async () => {
  let sent = 0;
  for (let quarter = 0; quarter < 8; quarter += 1) {
    for (let n = 0; n < 5; n += 1) if (await ask("ann", `network-${quarter}-${n}`)) sent += 1;
    expect(sent).toBe(Math.min(3 * (quarter + 1), 10));
    nowMs += 15 * MINUTE_MS;
  }
  expect(await ask("bob")).toBe(true);
  nowMs += 24 * 60 * MINUTE_MS;
  expect(await ask("ann")).toBe(true);
});

test("a network gets thirty mails in an hour, for however many addresses", async () => {
  const outcomes: boolean[] = [];
  for (let n = 0; n < 40; n += 1) outcomes.push(await ask(`address-${n}`, "one"));
  expect(outcomes.filter((isSent) => isSent)).toHaveLength(30);
  expect(await ask("ann", "other")).toBe(true);
  nowMs += 60 * MINUTE_MS;
  expect(await ask("ann", "one")).toBe(true);
});

test("a deployment sends its budget in an hour, whatever addresses and networks ask", async () => {
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => ask(`address-${n}`, `network-${n}`, 20)));
  expect(outcomes.filter((isSent) => isSent)).toHaveLength(20);
  nowMs += 60 * MINUTE_MS;
  expect(await ask("ann", "one", 20)).toBe(true);
});

test("a refused request leaves no link, and nothing is stored for longer than a day", async () => {
  const rows = (): Promise<number> =>
    runInDurableObject(stub(), (_object, { storage }) => storage.sql.exec("SELECT 1 FROM links").toArray().length);
  for (let n = 0; n < 6; n += 1) await ask("ann");
  expect(await rows()).toBe(3);
  expect(await links.redeem(`hash-${asked}`)).toBe(false);
  nowMs += 12 * 60 * MINUTE_MS;
  await ask("bob");
  nowMs += 12 * 60 * MINUTE_MS;
  expect(await runDurableObjectAlarm(stub())).toBe(true);
  expect(await rows()).toBe(1);
  nowMs += 12 * 60 * MINUTE_MS;
  expect(await runDurableObjectAlarm(stub())).toBe(true);
  expect(await rows()).toBe(0);
  expect(await runDurableObjectAlarm(stub())).toBe(false);
});

test("a link that is asked for while no alarm is set does not keep older ones longer", async () => {
  await ask("ann");
  const askedMs = nowMs;
  nowMs += 12 * 60 * MINUTE_MS;
  const alarmMs = await runInDurableObject(stub(), async (object, { storage }) => {
    // So the platform answers while an alarm's handler runs.
    await storage.deleteAlarm();
    await (object as unknown as MailLinks).admit({ hash: "later", address: "bob", network: null }, MANY);
    return storage.getAlarm();
  });
  expect(alarmMs).toBe(askedMs + 24 * 60 * MINUTE_MS);
});

test("links of a time that the clock has not reached again block nobody, and are removed", async () => {
  nowMs += 10 * 24 * 60 * MINUTE_MS;
  for (let n = 0; n < 3; n += 1) expect(await ask("ann", "one", 3)).toBe(true);
  const hash = `hash-${asked}`;
  nowMs -= 10 * 24 * 60 * MINUTE_MS;
  expect(await links.redeem(hash)).toBe(false);
  expect(await ask("ann", "one", 3)).toBe(true);
  nowMs += 24 * 60 * MINUTE_MS;
  expect(await runDurableObjectAlarm(stub())).toBe(true);
  const rows = await runInDurableObject(stub(), (_object, { storage }) =>
    storage.sql.exec("SELECT 1 FROM links").toArray(),
  );
  expect(rows).toEqual([]);
});
