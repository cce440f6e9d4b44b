/** Faults by seed: what goes wrong when, for how long, and where. Each fault is drawn by itself, so that a run with some of them left out has the others unchanged. */
import type { HostedObject } from "../kernel/durable-objects.ts";
import type { LinkFaults } from "../kernel/link-faults.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Audience } from "./audience.ts";
import type { Broadcasting } from "./broadcasting.ts";
import type { MediaWorld } from "./media-world.ts";

/** Groups of faults that a run may have. */
export const FAULT_GROUPS = ["network", "objects", "isolates", "storage", "clocks", "publishers", "viewers"] as const;

/** A group of faults. */
export type FaultGroup = (typeof FAULT_GROUPS)[number];

/** What faults act upon. */
export interface FaultTarget {
  readonly world: MediaWorld;
  readonly broadcasting: Broadcasting;
  readonly audience: Audience;
}

/** A kind of fault. `begin` returns what it is in words, and ends it after `durationMs` where it lasts. */
interface FaultKind {
  readonly name: string;
  readonly group: FaultGroup;
  readonly weight: number;
  readonly durationMs: readonly [number, number];
  begin(target: FaultTarget, random: SeededRandom, durationMs: number): string;
}

/** A fault of one run. */
export interface ScheduledFault {
  readonly number: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly kind: FaultKind;
}

/** Time between two faults. */
const INTERVAL_MS = { min: 800, max: 7_000 } as const;

/** Links that a network fault is put on, by parts of their places' names. */
const LINKS: readonly (readonly [string, string])[] = [
  ["publisher", "isolate"],
  ["isolate", "publisher"],
  ["isolate", "live"],
  ["live", "isolate"],
  ["isolate", "shield"],
  ["shield", "isolate"],
  ["shield", "live"],
  ["live", "shield"],
  ["viewer", "isolate"],
  ["isolate", "viewer"],
  ["live", "r2"],
  ["r2", "live"],
  ["isolate", "registry"],
  ["live", "room"],
  ["@weur", "@apac"],
  ["", ""],
];

const network = (
  name: string,
  weight: number,
  durationMs: readonly [number, number],
  draw: (random: SeededRandom) => LinkFaults,
): FaultKind => ({
  name,
  group: "network",
  weight,
  durationMs,
  begin({ world }, random, lastsMs) {
    const [from, to] = random.pick(LINKS);
    const faults = draw(random);
    const end = world.network.addFault({ from, to, faults });
    world.simulation.after(lastsMs, end);
    return `${from || "all"} → ${to || "all"} ${JSON.stringify(faults)}`;
  },
});

/** The objects of the media side that have an instance now. */
function runningObjects({ world }: FaultTarget): HostedObject[] {
  return world.objects.all.filter(({ instance }) => instance !== null);
}

function pickObject(target: FaultTarget, random: SeededRandom): HostedObject | null {
  const all = runningObjects(target);
  // Half of them hit the Live object, which most depends on.
  const live = all.filter(({ binding }) => binding === "LIVE");
  const from = random.chance(0.5) && live.length > 0 ? live : all;
  return from.length === 0 ? null : random.pick(from);
}

const KINDS: readonly FaultKind[] = [
  network("loss", 3, [1_000, 8_000], (random) => ({ loss: 0.02 + 0.3 * random.fraction() })),
  network("duplicates", 2, [5_000, 15_000], (random) => ({ duplicate: 0.2 + 0.6 * random.fraction() })),
  network("reordering", 2, [2_000, 10_000], (random) => ({ jitterMs: random.integer(100, 900) })),
  network("delay", 2, [1_000, 8_000], (random) => ({
    delayMs: random.integer(50, random.pick([2_500, 2_500, 7_000])),
  })),
  network("cut bodies", 3, [1_000, 8_000], (random) => ({ cut: 0.02 + 0.3 * random.fraction() })),
  network("cut connections", 1, [5_000, 15_000], (random) => ({ cut: 0.4 + 0.5 * random.fraction() })),
  network("slow link", 1, [2_000, 8_000], (random) => ({ bytesPerSecond: random.integer(2_000, 50_000) })),
  {
    name: "partition",
    group: "network",
    weight: 3,
    durationMs: [500, 9_000],
    begin({ world }, random, durationMs) {
      const [from, to] = random.pick(LINKS.slice(0, -1));
      const end = world.network.addFault({ from, to, isPartition: true });
      world.simulation.after(durationMs, end);
      return `${from} | ${to}`;
    },
  },
  {
    name: "broken streams",
    group: "network",
    weight: 2,
    durationMs: [0, 0],
    begin({ world }, random) {
      const from = random.pick(["live", "shield", ""]);
      return `${world.network.disturbStreams(from, "", "break")} from ${from || "everywhere"}`;
    },
  },
  {
    name: "silent streams",
    group: "isolates",
    weight: 2,
    durationMs: [0, 0],
    begin({ world }, random) {
      // What is left of a leader that was killed in its waitUntil: a feed without a reader.
      const slot = random.pick(world.fleet.slots);
      return `${world.network.disturbStreams("", slot.place, "stall")} to ${slot.place}`;
    },
  },
  {
    name: "crash",
    group: "objects",
    weight: 3,
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
    weight: 3,
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
    weight: 2,
    durationMs: [0, 0],
    begin(target, random) {
      const object = pickObject(target, random);
      object?.end("evicted", "fault");
      return object?.place ?? "nothing";
    },
  },
  {
    name: "restart by the operator",
    group: "objects",
    weight: 2,
    durationMs: [0, 0],
    begin({ world, broadcasting }, random) {
      const { site } = random.pick(world.fleet.slots);
      const [region = "", colo = ""] = site.split("/");
      const node = random.pick([
        "live",
        "live",
        region,
        `${region}.${colo}.0`,
        `${region}.${colo}.1`,
        "nowhere.X",
        `${region}.x.y`,
      ]);
      const path = `/api/streams/${broadcasting.stream}/restart?node=${node}`;
      void world.administer({ method: "POST", path }).catch(() => {});
      return node;
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
    weight: 3,
    durationMs: [0, 0],
    begin({ world }, random) {
      const slot = random.pick(world.fleet.slots);
      slot.end("fault");
      return slot.place;
    },
  },
  {
    name: "R2 faults",
    group: "storage",
    weight: 3,
    durationMs: [1_000, 15_000],
    begin({ world }, random, durationMs) {
      const { faults } = world.bucket;
      const what = random.pick(["refuse", "tornWrite", "tornRead", "slowMs"] as const);
      const amount = what === "slowMs" ? random.integer(200, 9_000) : 0.2 + 0.8 * random.fraction();
      faults[what] = amount;
      world.simulation.after(durationMs, () => {
        faults[what] = 0;
      });
      return `${what} ${amount.toFixed(2)}`;
    },
  },
  {
    name: "slow confirmation",
    group: "storage",
    weight: 1,
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
      const slots = target.world.fleet.slots;
      const object = random.chance(0.5) ? pickObject(target, random) : null;
      if (object !== null) {
        const process = object.instance?.process;
        if (process !== undefined) process.clockOffsetMs = byMs;
        target.world.simulation.after(durationMs, () => {
          if (process !== undefined) process.clockOffsetMs = 0;
        });
        return `${object.place} by ${byMs} ms`;
      }
      const slot = random.pick(slots);
      slot.setClock(byMs);
      target.world.simulation.after(durationMs, () => slot.setClock(0));
      return `${slot.place} by ${byMs} ms`;
    },
  },
  {
    name: "source pause",
    group: "publishers",
    weight: 1,
    durationMs: [500, 8_000],
    begin({ broadcasting }, random, durationMs) {
      const withGaps = random.chance(0.5);
      broadcasting.current?.pause(durationMs, withGaps);
      return `${durationMs} ms${withGaps ? " with gaps" : ""}`;
    },
  },
  {
    name: "publisher killed",
    group: "publishers",
    weight: 1,
    durationMs: [0, 0],
    begin({ broadcasting }) {
      broadcasting.killCurrent();
      return "another one follows";
    },
  },
  {
    name: "second publisher",
    group: "publishers",
    weight: 1,
    durationMs: [3_000, 12_000],
    begin({ broadcasting }, _, durationMs) {
      broadcasting.startRival(durationMs);
      return "beside the first";
    },
  },
  {
    name: "malformed media",
    group: "publishers",
    weight: 2,
    durationMs: [0, 0],
    begin({ broadcasting }, random) {
      const what = Array.from({ length: 4 }, () => broadcasting.current?.sendMalformed(random) ?? "nobody");
      return what.join(" ");
    },
  },
  {
    name: "revoked key",
    group: "publishers",
    weight: 1,
    durationMs: [0, 0],
    begin({ broadcasting, world }) {
      void broadcasting.replaceKey(world).catch(() => {});
      return "and another one";
    },
  },
  {
    name: "crowd",
    group: "viewers",
    weight: 1,
    durationMs: [4_000, 15_000],
    begin({ audience }, random, durationMs) {
      const count = random.integer(5, 25);
      audience.addCrowd(count, durationMs);
      return `${count} viewers in a second`;
    },
  },
  {
    name: "vanished viewers",
    group: "viewers",
    weight: 1,
    durationMs: [0, 0],
    begin({ audience }, random) {
      return `${audience.replaceSome(random.integer(1, 5))} viewers`;
    },
  },
];

/** The faults of a run between two times. `groups`: those that it has. */
export function scheduleFaults(
  random: SeededRandom,
  groups: readonly FaultGroup[],
  fromMs: number,
  untilMs: number,
): ScheduledFault[] {
  const kinds = KINDS.filter(({ group }) => groups.includes(group));
  const weighted = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const faults: ScheduledFault[] = [];
  if (weighted.length === 0) return faults;
  for (let number = 0, atMs = fromMs; ; number += 1) {
    const draw = random.fork(`fault ${number}`);
    atMs += draw.integer(INTERVAL_MS.min, INTERVAL_MS.max);
    const kind = draw.pick(weighted);
    const durationMs = draw.integer(...kind.durationMs);
    if (atMs + durationMs > untilMs) return faults;
    faults.push({ number, atMs, durationMs, kind });
  }
}

/** Lets faults happen at their times; `only`: by number, null: all. */
export function startFaults(
  target: FaultTarget,
  random: SeededRandom,
  faults: readonly ScheduledFault[],
  only: ReadonlySet<number> | null,
): void {
  const { simulation } = target.world;
  for (const { number, atMs, durationMs, kind } of faults) {
    if (only !== null && !only.has(number)) continue;
    simulation.after(atMs - simulation.nowMs, () => {
      const what = kind.begin(target, random.fork(`effect of fault ${number}`), durationMs);
      simulation.log("fault", `${number} ${kind.name}${durationMs > 0 ? ` for ${durationMs} ms` : ""}: ${what}`);
    });
  }
}
