/** Many sockets at once: memory by socket, and delivery of a tick each second. */
import { sleep } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { maxOpenFiles } from "../../loadtest/processes.ts";
import type { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import type { BenchFigure } from "../stats.ts";
import { formatFixed } from "../stats.ts";
import { BENCH_SERVERS, type BenchServerKind, issueBenchTokens, startBenchServer } from "./servers.ts";

/** Sockets opened in a second, and the quiet time before memory is read, long enough to hibernate, ms. */
const OPENED_PER_SECOND = 400;
const QUIET_MS = 15_000;
const MESSAGES_PER_SECOND = 1;
/** The wait for the last deliveries, ms. */
const SETTLE_MS = 3_000;
const GOAL_BYTES = 12_000;
/** workerd opens two files for each WebSocket, and some hundred of its own. */
const FILES_PER_SOCKET = 2;
const OWN_FILES = 200;

const { clock } = systemPlatform;

interface IdleSocketResult {
  readonly bytesPerSocket: number;
  readonly ready: number;
  readonly sent: number;
  readonly delivered: number;
  readonly holes: number;
  /** Moved to another shard while opening, and since. */
  readonly moved: number;
  readonly dropped: number;
  readonly p99Ms: number;
}

/** Opens `sockets` to a server, lets them idle, and for `seconds` sends a message each second. */
async function holdSockets(
  kind: BenchServerKind,
  crowd: ViewerFleet,
  sockets: number,
  seconds: number,
): Promise<IdleSocketResult> {
  const server = await startBenchServer(kind);
  const { dialect } = BENCH_SERVERS[kind];
  const open = { dialect, servers: [server.socketUrl], room: "hold", perSecond: OPENED_PER_SECOND };
  try {
    // The first sockets load shared code.
    await crowd.openSockets({ ...open, viewers: 20, tokens: [] });
    await crowd.closeSockets();
    await sleep(clock, 2_000);
    const before = server.memoryBytes();
    const tokens = await issueBenchTokens(server, "hold", 2, ["moderator"]);
    await crowd.openSockets({ ...open, viewers: sockets, tokens });
    await sleep(clock, QUIET_MS);
    const coming = await crowd.socketStats();
    const bytesPerSocket = (server.memoryBytes() - before) / sockets;
    await crowd.resetStats();
    if (seconds > 0) {
      await crowd.setWriteRate(MESSAGES_PER_SECOND);
      await sleep(clock, 1_000 * seconds);
      await crowd.setWriteRate(0);
      await sleep(clock, SETTLE_MS);
    }
    const { ready, sent, delivered, holes, moved, closes, delays } = await crowd.socketStats();
    const dropped = [coming.closes, closes]
      .flatMap((each) => Object.values(each))
      .reduce((sum, count) => sum + count, 0);
    const sentOn = coming.moved + moved;
    return { bytesPerSocket, ready, sent, delivered, holes, moved: sentOn, dropped, p99Ms: delays.percentile(99) };
  } finally {
    await crowd.closeSockets();
    await server.stop();
  }
}

/** Compares Corral's sockets with those of a bare hibernating object and of socket.io. */
export async function measureIdleSockets(
  crowd: ViewerFleet,
  wanted: number,
  seconds: number,
  say: (line: string) => void,
): Promise<BenchFigure[]> {
  const most = Math.floor((maxOpenFiles() - OWN_FILES) / FILES_PER_SOCKET);
  const sockets = Math.min(wanted, most);
  const bound = sockets < wanted ? `; workerd may open ${maxOpenFiles()} files here, two a socket` : "";
  say(`holding ${sockets} sockets …`);
  const ours = await holdSockets("corral", crowd, sockets, seconds);
  say("the same for a bare Durable Object …");
  const bare = await holdSockets("bare", crowd, sockets, 0);
  say("the same for socket.io …");
  const theirs = await holdSockets("socketio", crowd, sockets, 0);
  const above = ours.bytesPerSocket - bare.bytesPerSocket;
  const complete = ours.delivered === ours.sent * sockets && ours.sent >= seconds - 1;
  return [
    {
      figure: "open sockets of one local edge, all receiving a tick per second",
      goal: "≥ 10,000, none dropped",
      measured: `${ours.ready} of ${sockets}; ${ours.delivered} of ${ours.sent * sockets} messages in ${seconds} s; ${ours.dropped} dropped, ${ours.moved} moved to other shards as the room grew${bound}`,
      met: ours.ready >= 10_000 && ours.ready === sockets && complete && ours.holes === 0 && ours.dropped === 0,
      values: { ...ours },
    },
    {
      figure: `memory per socket with ${sockets} idle sockets`,
      goal: "≤ 12 kB above workerd's own",
      measured: `${kB(ours.bytesPerSocket)}, bare Durable Object ${kB(bare.bytesPerSocket)}: ${kB(above)} above; socket.io ${kB(theirs.bytesPerSocket)}`,
      met: above <= GOAL_BYTES,
      values: {
        bytes: ours.bytesPerSocket,
        bareBytes: bare.bytesPerSocket,
        socketioBytes: theirs.bytesPerSocket,
        aboveBytes: above,
      },
    },
  ];
}

const kB = (bytes: number): string => `${formatFixed(bytes / 1_000, 1)} kB`;
