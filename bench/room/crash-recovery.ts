/** Repeated crashes of room and shards under load: acknowledged messages must be delivered once, in one order. */

import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { ClientLoadStats } from "../../loadtest/room/fleet-jobs.ts";
import type { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { type BenchServer, issueBenchTokens, startBenchServer } from "./servers.ts";

const PEOPLE = 100;
const WRITERS = 40;
/** Messages a second of all writers, who are moderators, so that none is sampled. */
const PER_SECOND = 20;
/** The longest random delay between two crashes, ms. */
const CRASH_EVERY_MS = 600;
/** Deliveries complete within this, ms: a command without an answer is resent for 40 s. */
const SETTLED_MS = 60_000;

const { clock, random } = systemPlatform;

/** Crashes `count` objects at random. */
export async function measureCrashRecovery(
  crowd: ViewerFleet,
  count: number,
  say: (line: string) => void,
): Promise<BenchFigure[]> {
  say(`dropping the room and its shards ${count} times …`);
  const server = await startBenchServer("corral-counted");
  try {
    const tokens = await issueBenchTokens(server, "losses", WRITERS, ["moderator"]);
    await crowd.openClients({ server: server.socketUrl, room: "losses", viewers: PEOPLE, tokens, perSecond: 200 });
    await crowd.setWriteRate(PER_SECOND);
    for (let lost = 0; lost < count; lost += 1) {
      await sleep(clock, CRASH_EVERY_MS * random());
      await crashRoomObject(server, random() < 0.5 ? "room" : "0");
    }
    await crowd.setWriteRate(0);
    return [figureOf(await waitUntilSettled(crowd), count)];
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}

async function crashRoomObject(server: BenchServer, object: string): Promise<void> {
  await fetch(`${server.url}/harness/room/losses/lose?object=${object}`);
}

/** Waits until all clients have all acknowledged messages, or the timeout. */
async function waitUntilSettled(crowd: ViewerFleet): Promise<ClientLoadStats> {
  const untilMs = clock.monotonicMs() + SETTLED_MS;
  let before = -1;
  for (;;) {
    await sleep(clock, 2_000);
    const stats = await crowd.clientStats();
    const shown = stats.people.map((person) => person.shown);
    const same = stats.people.every(({ order }) => order === stats.people[0]?.order);
    const still = stats.acknowledged.length === before;
    before = stats.acknowledged.length;
    if (still && same && Math.min(...shown) >= before) return stats;
    if (clock.monotonicMs() > untilMs) return stats;
  }
}

function figureOf({ people, acknowledged, shownToFirst }: ClientLoadStats, count: number): BenchFigure {
  const shown = new Set(shownToFirst);
  const lost = acknowledged.filter((text) => !shown.has(text)).length;
  const sum = (key: "duplicates" | "disorders" | "unseen" | "resets" | "losses"): number =>
    people.reduce((all, person) => all + person[key], 0);
  const orders = new Set(people.map(({ order }) => order)).size;
  const wrong = lost + sum("duplicates") + sum("disorders") + sum("unseen") + sum("resets") + (orders - 1);
  return {
    figure: `acknowledged messages lost, duplicates, different orders, through ${count} losses of room and shards under load`,
    goal: "0, 0, none",
    measured: `${lost} of ${acknowledged.length}, ${sum("duplicates")}, ${orders === 1 ? "none" : `${orders} orders`} (${people.length} clients, ${sum("losses")} connections lost)`,
    met: wrong === 0 && acknowledged.length > 0,
    values: {
      lost,
      acknowledged: acknowledged.length,
      duplicates: sum("duplicates"),
      disorders: sum("disorders"),
      resets: sum("resets"),
      orders,
      connectionsLost: sum("losses"),
    },
  };
}
