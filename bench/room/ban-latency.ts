/** Latency from a moderator's ban to the close of the banned viewer's socket, under load. */

import { WebSocket } from "ws";
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { createNodeRoomClient } from "../../loadtest/room/node-room-client.ts";
import { PROTOCOL_ADAPTERS } from "../../loadtest/room/protocol-adapters.ts";
import type { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { percentile } from "../stats.ts";
import { type BenchServer, issueBenchTokens, startBenchServer } from "./servers.ts";

const VICTIMS = 100;
const WRITERS = 100;
const BAN_EVERY_MS = 150;
/** The timeout of a close, ms. */
const BAN_TIMEOUT_MS = 10_000;
const GOAL_MS = 500;

const { clock } = systemPlatform;

/** Measures with `viewers` in the room and `perSecond` messages. */
export async function measureBanLatency(
  crowd: ViewerFleet,
  viewers: number,
  perSecond: number,
  say: (line: string) => void,
): Promise<BenchFigure[]> {
  say("banning …");
  const server = await startBenchServer("corral");
  try {
    const writers = await issueBenchTokens(server, "bans", WRITERS, ["moderator"]);
    const open = { dialect: "corral", servers: [server.socketUrl], room: "bans", perSecond: 500 } as const;
    await crowd.openSockets({ ...open, viewers, tokens: writers });
    await crowd.setWriteRate(perSecond);
    const delays = await banVictims(server, await issueBenchTokens(server, "bans", VICTIMS, [], "victim"));
    await crowd.setWriteRate(0);
    const p99 = percentile(delays, 99);
    return [
      {
        figure: `ban → socket closed, p99 of ${VICTIMS}, ${viewers} viewers, ${perSecond} messages/s in`,
        goal: `≤ ${GOAL_MS} ms`,
        measured: `${p99.toFixed(0)} ms (p50 ${percentile(delays, 50).toFixed(0)} ms)`,
        met: p99 <= GOAL_MS,
        values: { p50Ms: percentile(delays, 50), p99Ms: p99, victims: VICTIMS },
      },
    ];
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}

/** Bans the victims in turn; the latencies from each ban to the close, ms. */
async function banVictims(server: BenchServer, tokens: readonly string[]): Promise<number[]> {
  const [host = ""] = await issueBenchTokens(server, "bans", 1, ["host"], "host");
  const url = (token: string): string => `${server.socketUrl}${PROTOCOL_ADAPTERS.corral.socketPath("bans", token)}`;
  const closed = new Map<number, number>();
  const victims = tokens.map((token, index) => {
    const socket = new WebSocket(url(token), { perMessageDeflate: false });
    socket.on("open", () => socket.send(PROTOCOL_ADAPTERS.corral.greeting ?? ""));
    socket.on("close", (code) => {
      closed.set(index, code === SOCKET_CLOSES.banned.code ? clock.monotonicMs() : Number.NaN);
    });
    return socket;
  });
  const moderator = createNodeRoomClient(url(host), "127.0.0.1", {}, systemPlatform);
  moderator.start();
  // The first command waits for the welcome.
  await moderator.sendCommand({ kind: "chat", text: "the moderator is here" });
  const sentAtMs: number[] = [];
  for (const index of victims.keys()) {
    sentAtMs.push(clock.monotonicMs());
    void moderator.sendCommand({ kind: "ban", subject: `victim${index}`, address: false });
    await sleep(clock, BAN_EVERY_MS);
  }
  const untilMs = clock.monotonicMs() + BAN_TIMEOUT_MS;
  while (closed.size < victims.length && clock.monotonicMs() < untilMs) await sleep(clock, 20);
  moderator.stop();
  for (const socket of victims) socket.terminate();
  return sentAtMs.map((atMs, index) => (closed.get(index) ?? Number.POSITIVE_INFINITY) - atMs);
}
