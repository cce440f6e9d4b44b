/** Memory, queues and open waits of every process, looked at once a second. */
import type { SimulatedProcess } from "../kernel/process.ts";
import type { Audience } from "./audience.ts";
import type { Broadcasting } from "./broadcasting.ts";
import type { MediaWorld } from "./media-world.ts";

const PERIOD_MS = 1_000;

/** Timers of a process beside those of requests. */
const OWN_TIMERS = 60;
/** Timers, and parked requests, of one viewer at one isolate: its reloads and hinted parts, and those that it has given up. */
const PER_VIEWER = 24;
/** Streams of one node: a feed, its successor, and what a broken link holds until it is noticed. */
const STREAMS_PER_NODE = 12;
/** Flow responses of one viewer: the one that it reads, and those that it has given up. */
const STREAMS_PER_VIEWER = 4;
/** Bytes of a tail of synthetic media, and of a publisher's queue, in seconds of the broadcast. */
const MAX_HELD_S = 120;

/** What is looked at. */
export interface BoundsTarget {
  readonly world: MediaWorld;
  readonly audience: Audience;
  readonly broadcasting: Broadcasting;
  /** Bytes of all tracks in a second of the broadcast. */
  readonly bytesPerSecond: number;
}

/** Looks at everything once a second. */
export function startBoundsChecker(target: BoundsTarget): void {
  const { simulation } = target.world;
  // Viewers that have gone leave requests behind for a while.
  let mostViewers = 0;
  const look = (): void => {
    mostViewers = Math.max(target.audience.all.length, mostViewers * 0.97);
    checkBounds(target, mostViewers);
    simulation.after(PERIOD_MS, look);
  };
  simulation.after(PERIOD_MS, look);
}

function checkBounds({ world, broadcasting, bytesPerSecond }: BoundsTarget, viewers: number): void {
  const { simulation, fleet, objects, network } = world;
  const limit = (who: string, what: string, value: number, most: number): void => {
    if (value > most) simulation.fail("bounds", `${who} has ${value} ${what}, more than ${Math.floor(most)}`);
  };
  const timers = (process: SimulatedProcess, most: number): void =>
    limit(process.name, "timers", process.pendingTimers, most);
  for (const slot of fleet.slots) {
    const inspected = slot.inspect();
    if (inspected === null) continue;
    const { process, streams } = inspected;
    timers(process, OWN_TIMERS + PER_VIEWER * viewers);
    for (const { parkedCount, waiterCount, currentReplica } of streams) {
      limit(process.name, "parked requests", parkedCount, PER_VIEWER * viewers + PER_VIEWER);
      limit(process.name, "waiting requests", waiterCount, PER_VIEWER * viewers + PER_VIEWER);
      limit(process.name, "bytes in a tail", currentReplica?.tail.heldBytes ?? 0, MAX_HELD_S * bytesPerSecond);
    }
  }
  const nodes = fleet.slots.length + objects.all.length;
  for (const { instance } of objects.all) {
    if (instance !== null) timers(instance.process, OWN_TIMERS + STREAMS_PER_NODE * nodes);
  }
  limit("the network", "streams", network.openStreams, STREAMS_PER_NODE * nodes + STREAMS_PER_VIEWER * viewers);
  const backlog = broadcasting.current?.backlog;
  if (backlog !== undefined) limit("the publisher", "bytes kept", backlog.keptBytes, MAX_HELD_S * bytesPerSecond);
}

/** Nothing is left open long after everybody has gone. */
export function checkNothingIsLeft({ simulation, network, fleet, objects }: MediaWorld, isStrict: boolean): void {
  if (network.openStreams > 0)
    simulation.fail("idle", `streams are open without viewers: ${network.describeStreams()}`);
  for (const slot of fleet.slots) {
    for (const { parkedCount, waiterCount, flow } of slot.inspect()?.streams ?? []) {
      if (flow.viewers > 0)
        simulation.fail("idle", `${slot.place} has ${flow.viewers} places of flow taken without viewers`);
      if (parkedCount + waiterCount > 0) simulation.fail("idle", `${slot.place} has requests waiting without viewers`);
    }
  }
  for (const { place, instance } of objects.all) {
    const timers = instance?.process.pendingTimers ?? 0;
    if (timers > 4) simulation.fail("idle", `${place} has ${timers} timers without viewers`);
  }
  if (isStrict && simulation.unhandledRejections > 0)
    simulation.fail("process", `${simulation.unhandledRejections} rejections were not handled`);
}
