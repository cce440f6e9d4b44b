/** Attacks on viewer counts: invented viewers of one network, names chosen for the estimate, floods of lists. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hash32 } from "../../../core/kit/hash.ts";
import { HyperLogLog } from "../../../core/kit/hyperloglog.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { HEARTBEAT } from "../../../core/room/room-protocol.ts";
import {
  anonymousViewersPerShard,
  countPlayingViewers,
  type PlayingViewer,
} from "../../../core/room/shard/playback-count.ts";
import type { Connections } from "../../../durable-objects/room/shard/connections.ts";
import { ShardPresence } from "../../../durable-objects/room/shard/shard-presence.ts";
import {
  fetchPlaybackProof,
  gatewayHeaders,
  issueTestToken,
  openTicketSocket,
  registerTestStream,
  requestTicket,
  roomStub,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { testEdge } from "../../../workers/testing.ts";
import { figure, whole } from "../scale.ts";

const { anonymousViewersPerNetwork } = ROOM_LIMITS;
const ATTACKER = "203.0.113.66";
const HOME = "198.51.100.20";

interface Beacon {
  readonly counted: boolean;
  readonly device?: string;
}

async function beacon(room: string, ip: string, shown: object, bearer?: string): Promise<Beacon> {
  const headers = gatewayHeaders({ ip, ...(bearer === undefined ? {} : { token: bearer }) });
  return (await testEdge.ask(`/rooms/${room}/beacon`, { method: "POST", headers, body: JSON.stringify(shown) })).json();
}

/** A viewer on a socket that reports playback. */
async function playing(
  room: string,
  ip: string,
  shown: { device?: string; playback?: string | null },
): Promise<WebSocket> {
  const { ticket } = await requestTicket(room, { ip, ...shown });
  const socket = await openTicketSocket(room, ticket, ip);
  socket.accept();
  for (const text of ['{"type":"hello"}', '{"type":"play","on":true}', HEARTBEAT]) socket.send(text);
  return socket;
}

test("forged device keys, and device keys without a playback proof, count nobody; real viewers of the network count", async () => {
  const room = await registerTestStream("invented");
  const stolen = await fetchPlaybackProof(room, HOME);
  const elsewhere = await fetchPlaybackProof("another", ATTACKER);
  for (const playback of [null, "", "1.AAAAAAAAAAAAAAAA", stolen, elsewhere, `${stolen}A`]) {
    for (const device of [null, "A".repeat(60), crypto.randomUUID()]) {
      expect((await beacon(room, ATTACKER, { device, playback })).counted).toBe(false);
    }
  }
  expect((await beacon(room, HOME, { device: null, playback: stolen })).counted).toBe(true);
  const sockets = [await playing(room, ATTACKER, {}), await playing(room, HOME, { playback: stolen })];
  await waitForCondition(async () => (await roomStub(room).summary()).uncounted === 1);
  const { counts } = await roomStub(room).summary();
  expect([counts.watching, counts.distinct]).toEqual([2, 2]);
  for (const socket of sockets) socket.close(1000);
});

test("a network gets a limited number of device keys; viewers with a token count all the same", async () => {
  const room = await registerTestStream("flooded");
  const flooder = "203.0.113.99";
  const playback = await fetchPlaybackProof(room, flooder);
  let given = 0;
  const asked = whole ? 10_000 : 300;
  for (let index = 0; index < asked; index += 1) {
    if ((await beacon(room, flooder, { device: null, playback })).device !== undefined) given += 1;
  }
  expect(given).toBeGreaterThanOrEqual(200);
  // Two more per second.
  expect(given).toBeLessThan(whole ? 400 : 260);
  await waitForCondition(async () => (await roomStub(room).summary()).counts.watching > 0);
  const { watching, distinct } = (await roomStub(room).summary()).counts;
  expect(watching).toBeLessThanOrEqual(anonymousViewersPerNetwork);
  expect(distinct).toBeLessThanOrEqual(ROOM_LIMITS.distinctSlotsPerNetwork);
  figure(
    `watching / distinct after ${asked} beacons of one client without a token`,
    `${watching} / ${distinct}`,
    "≤ 500 / 2000",
  );
  const bearer = await issueTestToken(room, { sub: "guest" });
  expect((await beacon(room, flooder, { device: null }, bearer)).counted).toBe(true);
  expect((await beacon(room, HOME, { device: null, playback: await fetchPlaybackProof(room, HOME) })).counted).toBe(
    true,
  );
});

const NO_SEATS = { size: 0, *[Symbol.iterator]() {} } as unknown as Connections;
const ONE = { index: 0, shards: 1 };

test("10,000 beacons of one network leave room for all others, and count up to the network's limit", () => {
  const tally = new ShardPresence([]);
  const beacons = (network: string | null, name: string, count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const key = `${name}-${index}`;
      tally.recordBeacon({ key, countedAs: key, network }, 1, 1_000);
    }
  };
  beacons("attacker", "fake", 10_000);
  beacons("home", "guest", 3);
  beacons(null, "account", 400);
  const { report } = tally.buildReport(NO_SEATS, 1_500, ONE);
  expect(report).toMatchObject({
    watching: anonymousViewersPerNetwork + 403,
    uncounted: 10_000 - anonymousViewersPerNetwork,
  });
  // Many networks together do not fill the share of viewers with an account.
  for (let network = 0; network < 30; network += 1)
    beacons(`net-${network}`, `bot-${network}`, anonymousViewersPerNetwork);
  beacons(null, "late", 1_000);
  const after = tally.buildReport(NO_SEATS, 2_000, ONE).report?.watching ?? 0;
  expect(after).toBe(ROOM_LIMITS.beaconsPerShard / 2 + 1_400);
});

test("for any distribution over shards, a network counts up to its limit, and accounts all count", () => {
  const person = fc.record({ key: fc.nat(3_000), network: fc.constantFrom("a", "b", null), known: fc.boolean() });
  fc.assert(
    fc.property(fc.array(person, { maxLength: 2_000 }), fc.constantFrom(1, 2, 8, 64), (people, shards) => {
      const crowd: PlayingViewer[] = people.map(({ key, network, known }) => ({
        key: `${network} ${key}`,
        network,
        countedAs: known || network === null ? `mark ${network} ${key}` : undefined,
      }));
      const { counted, uncounted } = countPlayingViewers(crowd, shards);
      for (const network of ["a", "b"]) {
        const ofIt = [...counted.keys()].filter((key) => key.startsWith(`${network} `)).length;
        expect(ofIt).toBeLessThanOrEqual(anonymousViewersPerShard(shards));
      }
      const accounts = new Set(crowd.flatMap(({ key, network }) => (network === null ? [key] : [])));
      for (const key of accounts) expect(counted.has(key)).toBe(true);
      expect(counted.size + uncounted).toBe(new Set(crowd.map(({ key }) => key)).size);
    }),
    { numRuns: 60 },
  );
  for (const shards of [1, 4, 64, 500])
    expect(anonymousViewersPerShard(shards) * shards).toBeLessThan(anonymousViewersPerNetwork + shards);
});

test("chosen names can drive an estimate to millions, and no name that a client can choose reaches it", async () => {
  // The attack needs, for each register, a name whose hash the attacker has computed to be rare.
  const chosen = new Map<number, string>();
  for (let number = 0; number < 400_000; number += 1) {
    const name = `device:${number}`;
    if (Math.clz32(hash32(name, 0x9e3779b9)) >= 5) chosen.set(hash32(name) % 2_720, name);
  }
  const fooled = new HyperLogLog();
  for (const name of chosen.values()) fooled.add(name);
  expect(fooled.estimate()).toBeGreaterThan(20 * chosen.size);
  const room = await registerTestStream("estimated");
  const playback = await fetchPlaybackProof(room, ATTACKER);
  const { device = "" } = await beacon(room, ATTACKER, { device: null, playback });
  // A device is the same with any other proof; chosen names count as none.
  for (let index = 0; index < 20; index += 1) {
    expect((await beacon(room, ATTACKER, { device, playback, countedAs: `device:${index}` })).counted).toBe(true);
    await beacon(room, ATTACKER, { device: `device:${index}`.padEnd(60, "A"), countedAs: "x" });
  }
  await waitForCondition(async () => (await roomStub(room).summary()).counts.distinct >= 1);
  expect((await roomStub(room).summary()).counts.distinct).toBeLessThanOrEqual(2);
});
