/** Memory, queues and open waits of the room's objects, looked at once a second. */
import type { MediaWorld } from "../media/media-world.ts";
import type { Crowd } from "./crowd.ts";

const PERIOD_MS = 1_000;
/** Timers of an object beside those of its sockets and calls. */
const OWN_TIMERS = 40;
const PER_PERSON = 6;
/** Calls of an object, and to it. */
const OWN_CALLS = 80;
/** Sockets of a person at all shards: those that it lost, and that nobody has noticed. */
const SOCKETS_PER_PERSON = 6;

/** Looks at everything once a second. */
export function startRoomBounds(world: MediaWorld, crowd: Crowd): void {
  const { simulation, objects, network } = world;
  const limit = (who: string, what: string, value: number, most: number): void => {
    if (value > most) simulation.fail("bounds", `${who} has ${value} ${what}, more than ${most}`);
  };
  const look = (): void => {
    const people = crowd.people.length;
    let sockets = 0;
    for (const { instance, place, sockets: open } of objects.all) {
      sockets += open.size;
      if (instance === null) continue;
      limit(place, "timers", instance.process.pendingTimers, OWN_TIMERS + PER_PERSON * people);
      limit(place, "calls", network.countCalls(instance.process), OWN_CALLS + PER_PERSON * people);
    }
    limit("the room", "sockets", sockets, SOCKETS_PER_PERSON * people + 10);
    simulation.after(PERIOD_MS, look);
  };
  simulation.after(PERIOD_MS, look);
}
