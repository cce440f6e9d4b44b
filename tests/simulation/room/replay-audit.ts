/** The replay's route as recordings use it: the same history as the room's own, for those who may watch. */
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { SimulatedProcess } from "../kernel/process.ts";
import type { MediaWorld } from "../media/media-world.ts";
import { createRoomToken } from "./room-tokens.ts";

/** Attempts of one window: without faults the first is answered. */
const ATTEMPTS = 5;
/** Windows that are read of one run. */
const MAX_WINDOWS = 12;

/** Where the route is wrong, one sentence each. `needsTokens`: nobody without one may read. */
export async function findReplayFaults(
  world: MediaWorld,
  stream: string,
  events: readonly RoomEvent[],
  needsTokens: boolean,
): Promise<string[]> {
  const faults: string[] = [];
  const process = new SimulatedProcess(world.simulation, "viewer9998@weur/FRA", 1);
  const { replayWindowMs } = ROOM_LIMITS;
  const times = events.map(programTimeOf).sort((a, b) => a - b);
  const first = Math.floor((times[0] ?? 0) / replayWindowMs) * replayWindowMs;
  const windows = new Set(
    times.map((timeMs) => first + Math.floor((timeMs - first) / replayWindowMs) * replayWindowMs),
  );
  const token = createRoomToken({
    room: stream,
    subject: "replay-auditor",
    roles: [],
    nowMs: world.simulation.clock.nowMs(),
    lifetimeS: 600,
    isForged: false,
  });
  for (const fromMs of [...windows].slice(-MAX_WINDOWS)) {
    if (needsTokens) {
      const { status } = await read(world, process, stream, fromMs, null);
      if (status === 200) faults.push(`the window of ${fromMs} was given without a token`);
    }
    const { status, text } = await read(world, process, stream, fromMs, needsTokens ? token : null);
    if (status !== 200) {
      faults.push(`the window of ${fromMs} was answered ${status}`);
      continue;
    }
    const given = (JSON.parse(text) as { readonly events: readonly RoomEvent[] }).events;
    const due = events.filter((event) => isWithin(programTimeOf(event), fromMs, fromMs + replayWindowMs));
    const [has, wants] = [given, due].map((list) =>
      list
        .map(({ offset }) => offset)
        .sort((a, b) => a - b)
        .join(),
    );
    if (has !== wants) faults.push(`the window of ${fromMs} has the events ${has}, and the room has ${wants}`);
  }
  return faults;
}

const isWithin = (timeMs: number, fromMs: number, toMs: number): boolean => timeMs >= fromMs && timeMs < toMs;

const programTimeOf = (event: RoomEvent): number => event.programmeMs;

async function read(
  world: MediaWorld,
  process: SimulatedProcess,
  stream: string,
  fromMs: number,
  token: string | null,
): Promise<{ readonly status: number; readonly text: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const slot = process.random.pick(world.fleet.slots);
    const headers = {
      "cf-connecting-ip": "10.99.0.1",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
    const path = `/rooms/${stream}/replay?from=${fromMs}`;
    const response = await world.fleet.fetch(process, slot, { path, headers });
    if (response.status !== 503 || attempt === ATTEMPTS)
      return { status: response.status, text: await response.text() };
    await world.simulation.sleep(1_000);
  }
}
