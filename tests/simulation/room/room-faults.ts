/** Faults of a room by seed. Each is drawn by itself, so that a run with some of them left out has the others unchanged. */
import type { HostedObject } from "../kernel/durable-objects.ts";
import type { LinkFaults } from "../kernel/link-faults.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { FaultGroup } from "../media/fault-schedule.ts";
import type { MediaWorld } from "../media/media-world.ts";
import type { Crowd } from "./crowd.ts";

/** What faults act upon. */
export interface RoomFaultTarget {
  readonly world: MediaWorld;
  readonly crowd: Crowd;
}

/** A kind of fault. `begin` returns what it is in words, and ends it after `durationMs` where it lasts. */
interface RoomFaultKind {
  readonly name: string;
  readonly group: FaultGroup;
  readonly weight: number;
  readonly durationMs: readonly [number, number];
  begin(target: RoomFaultTarget, random: SeededRandom, durationMs: number): string;
}

/** A fault of one run. */
export interface RoomFault {
  readonly number: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly kind: RoomFaultKind;
}

/** Time between two faults. */
const INTERVAL_MS = { min: 1_500, max: 10_000 } as const;
/** An object that is to be evicted is given this long to be idle. */
const IDLE_WITHIN_MS = 4_000;

/** Links by parts of their places' names. */
const LINKS: readonly (readonly [string, string])[] = [
  ["viewer", "room_shard"],
  ["room_shard", "viewer"],
  ["viewer", "isolate"],
  ["isolate", "viewer"],
  ["isolate", "room"],
  ["room", "isolate"],
  ["room_shard", "room/"],
  ["room/", "room_shard"],
  ["room_shard", "room_relay"],
  ["room_relay", "room_shard"],
  ["room_relay", "room/"],
  ["room/", "room_relay"],
  ["room/", "keyring"],
  ["keyring", "room/"],
  ["room/", "live"],
  ["live", "room/"],
  ["isolate", "live"],
  ["isolate", "keyring"],
  ["isolate", "registry"],
  ["@weur", "@apac"],
  ["", ""],
];

const network = (
  name: string,
  weight: number,
  durationMs: readonly [number, number],
  draw: (random: SeededRandom) => LinkFaults,
): RoomFaultKind => ({
  name,
  group: "network",
  weight,
  durationMs,
  begin({ world }, random, lastsMs) {
    const [from, to] = random.pick(LINKS);
    const faults = draw(random);
    world.simulation.after(lastsMs, world.network.addFault({ from, to, faults }));
    return `${from || "all"} → ${to || "all"} ${JSON.stringify(faults)}`;
  },
});

const ROOM_BINDINGS: readonly string[] = ["ROOM", "ROOM_SHARD", "ROOM_RELAY", "KEYRING", "LIVE"];

/** An object with an instance; half of the time of those that a class has one of. */
function pickObject({ world }: RoomFaultTarget, random: SeededRandom): HostedObject | null {
  const all = world.objects.all.filter(({ instance }) => instance !== null);
  const binding = random.pick(ROOM_BINDINGS);
  const ofClass = all.filter((object) => object.binding === binding);
  const from = ofClass.length > 0 ? ofClass : all;
  return from.length === 0 ? null : random.pick(from);
}

const KINDS: readonly RoomFaultKind[] = [
  network("loss", 3, [1_000, 8_000], (random) => ({ loss: 0.02 + 0.3 * random.fraction() })),
  network("reordering", 2, [2_000, 10_000], (random) => ({ jitterMs: random.integer(100, 900) })),
  network("delay", 2, [1_000, 8_000], (random) => ({ delayMs: random.integer(50, 2_500) })),
  network("cut answers", 2, [1_000, 8_000], (random) => ({ cut: 0.02 + 0.3 * random.fraction() })),
  {
    name: "partition",
    group: "network",
    weight: 3,
    durationMs: [500, 9_000],
    begin({ world }, random, durationMs) {
      const [from, to] = random.pick(LINKS.slice(0, -1));
      world.simulation.after(durationMs, world.network.addFault({ from, to, isPartition: true }));
      return `${from} | ${to}`;
    },
  },
  {
    name: "Live object out of reach",
    group: "network",
    weight: 1,
    durationMs: [2_000, 15_000],
    begin({ world }, _, durationMs) {
      world.simulation.after(durationMs, world.network.addFault({ from: "room/", to: "live", isPartition: true }));
      return "of the room";
    },
  },
  {
    name: "broken sockets",
    group: "network",
    weight: 2,
    durationMs: [0, 0],
    begin({ crowd }, random) {
      const share = random.pick([0.1, 0.5, 1]);
      const broken = crowd.present.filter(() => random.chance(share));
      for (const { page } of broken) page?.breakConnection();
      return `${broken.length}`;
    },
  },
  {
    name: "crash",
    group: "objects",
    weight: 4,
    durationMs: [0, 0],
    begin(target, random) {
      const object = pickObject(target, random);
      object?.end("crashed", "fault");
      return object?.place ?? "nothing";
    },
  },
  {
    name: "crash after a write",
    group: "objects",
    weight: 4,
    durationMs: [0, 0],
    begin(target, random) {
      const object = pickObject(target, random);
      const delayMs = random.integer(0, 15);
      object?.crashAfterNextWrite(delayMs);
      return `${object?.place ?? "nothing"}, ${delayMs} ms`;
    },
  },
  {
    name: "eviction",
    group: "objects",
    weight: 4,
    durationMs: [0, 0],
    begin(target, random) {
      const object = pickObject(target, random);
      object?.evictWhenIdle(IDLE_WITHIN_MS);
      return object?.place ?? "nothing";
    },
  },
  {
    name: "evictions",
    group: "objects",
    weight: 2,
    durationMs: [0, 0],
    begin({ world }, random) {
      const chosen = world.objects.all.filter(() => random.chance(0.5));
      for (const object of chosen) object.evictWhenIdle(IDLE_WITHIN_MS);
      return `${chosen.length} objects`;
    },
  },
  {
    name: "deploy",
    group: "objects",
    weight: 1,
    durationMs: [0, 0],
    begin({ world }) {
      world.deploy();
      return "all";
    },
  },
  {
    name: "isolate ends",
    group: "isolates",
    weight: 2,
    durationMs: [0, 0],
    begin({ world }, random) {
      const slot = random.pick(world.fleet.slots);
      slot.end("fault");
      return slot.place;
    },
  },
  {
    name: "slow confirmation",
    group: "storage",
    weight: 2,
    durationMs: [2_000, 10_000],
    begin({ world }, random, durationMs) {
      const { confirmDelay } = world.objects;
      confirmDelay.maxMs = random.integer(50, 400);
      world.simulation.after(durationMs, () => {
        confirmDelay.maxMs = 12;
      });
      return `up to ${confirmDelay.maxMs} ms`;
    },
  },
  {
    name: "cache faults",
    group: "storage",
    weight: 1,
    durationMs: [1_000, 10_000],
    begin({ world }, random, durationMs) {
      const [site, cache] = random.pick([...world.fleet.caches]);
      cache.clear();
      cache.failures = random.fraction();
      world.simulation.after(durationMs, () => {
        cache.failures = 0;
      });
      return `${site} ${cache.failures.toFixed(2)}`;
    },
  },
  {
    name: "clock jump",
    group: "clocks",
    weight: 2,
    durationMs: [3_000, 20_000],
    begin(target, random, durationMs) {
      const byMs = random.integer(-90_000, 90_000);
      const process = pickObject(target, random)?.instance?.process;
      if (process === undefined) return "nothing";
      process.clockOffsetMs = byMs;
      target.world.simulation.after(durationMs, () => {
        process.clockOffsetMs = 0;
      });
      return `${process.place} by ${byMs} ms`;
    },
  },
  {
    name: "crowd",
    group: "viewers",
    weight: 2,
    durationMs: [4_000, 25_000],
    begin({ crowd }, random, durationMs) {
      const count = random.integer(5, 30);
      crowd.addForAWhile(count, durationMs);
      return `${count} people in a second`;
    },
  },
  {
    name: "reloaded pages",
    group: "viewers",
    weight: 2,
    durationMs: [0, 0],
    begin({ world, crowd }, random) {
      const chosen = crowd.present.filter(() => random.chance(0.2));
      for (const person of chosen) {
        person.close(random.chance(0.5) ? "vanishes" : "closes");
        world.simulation.after(random.integer(100, 8_000), () => person.open());
      }
      return `${chosen.length}`;
    },
  },
  {
    name: "pages set aside",
    group: "viewers",
    weight: 1,
    durationMs: [0, 0],
    begin({ crowd }, random) {
      const chosen = crowd.present.filter(() => random.chance(0.2));
      for (const person of chosen) person.setAside();
      return `${chosen.length}`;
    },
  },
  {
    name: "frozen pages",
    group: "viewers",
    weight: 1,
    durationMs: [3_000, 20_000],
    begin({ world, crowd }, random, durationMs) {
      const chosen = crowd.present.filter(() => random.chance(0.15));
      for (const person of chosen) {
        const { page } = person;
        if (page === null) continue;
        page.isReading = false;
        world.simulation.after(durationMs, () => {
          if (person.page === page) person.close("vanishes");
          world.simulation.after(1_000, () => person.open());
        });
      }
      return `${chosen.length}`;
    },
  },
];

/** The faults of a run between two times. `groups`: those that it has. */
export function scheduleRoomFaults(
  random: SeededRandom,
  groups: readonly FaultGroup[],
  fromMs: number,
  untilMs: number,
): RoomFault[] {
  const kinds = KINDS.filter(({ group }) => groups.includes(group));
  const weighted = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const faults: RoomFault[] = [];
  if (weighted.length === 0) return faults;
  for (let number = 0, atMs = fromMs; ; number += 1) {
    const draw = random.fork(`room fault ${number}`);
    atMs += draw.integer(INTERVAL_MS.min, INTERVAL_MS.max);
    const kind = draw.pick(weighted);
    const durationMs = draw.integer(...kind.durationMs);
    if (atMs + durationMs > untilMs) return faults;
    faults.push({ number, atMs, durationMs, kind });
  }
}

/** Lets faults happen at their times. */
export function startRoomFaults(target: RoomFaultTarget, random: SeededRandom, faults: readonly RoomFault[]): void {
  const { simulation } = target.world;
  for (const { number, atMs, durationMs, kind } of faults) {
    simulation.after(atMs - simulation.nowMs, () => {
      const what = kind.begin(target, random.fork(`effect of room fault ${number}`), durationMs);
      simulation.log("fault", `${number} ${kind.name}${durationMs > 0 ? ` for ${durationMs} ms` : ""}: ${what}`);
    });
  }
}
