/** A chat of ten messages a second in one tab: growth of the tab's memory. */
import { type Clock, sleep, startInterval } from "../core/kit/clock.ts";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { createNodeRoomClient } from "../loadtest/room/node-room-client.ts";
import { PROTOCOL_ADAPTERS } from "../loadtest/room/protocol-adapters.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { DevtoolsBrowser, type DevtoolsTab, type TabMemory } from "./devtools.ts";
import { withInterrupt } from "./interrupt.ts";
import { type BenchFigure, formatFixed, slopeOf } from "./stats.ts";

const STREAM = "bench-chat";
/** Moderators, since a viewer may not write as often. */
const WRITERS = 5;
const MESSAGE_EVERY_MS = 100;
const MINUTE_MS = 60_000;
/** Messages that a loaded page may be behind. */
const MOST_BEHIND = 100;
/** Time in which the page opens and its socket is welcomed. */
const SETTLE_MS = 10_000;
/** Memory of the first part of a run is that of a page that warms up, and of a list that fills. */
const WARM_UP_SHARE = 0.2;
const MEGABYTE = 2 ** 20;
const GOALS = { heapMb: 1, processMb: 10 } as const;

/** The number of the newest message in the page; 0 if there is none. */
const READ_NEWEST = `Number(/ (\\d+) /.exec([...document.querySelectorAll("#chat .chat-row")].at(-1)?.textContent ?? "")?.[1] ?? 0)`;

/** One reading of the tab. */
interface ChatReading extends TabMemory {
  readonly minute: number;
  /** Messages that were sent, and the number of the newest in the page. */
  readonly sent: number;
  readonly newest: number;
}

/** One run of `minutes`, or until SIGINT. */
export function measureChatHour(edge: LocalEdge, adminToken: string, minutes: number): Promise<BenchFigure[]> {
  return withInterrupt((stop) => measureTab(edge, adminToken, minutes, stop));
}

async function measureTab(
  edge: LocalEdge,
  adminToken: string,
  minutes: number,
  stop: AbortSignal,
): Promise<BenchFigure[]> {
  const { clock } = systemPlatform;
  // An unknown stream has no chat.
  const headers = { authorization: `Bearer ${adminToken}` };
  await (await fetch(`${edge.url}/api/streams/${STREAM}/keys`, { method: "POST", headers })).arrayBuffer();
  const writers = await startWriters(edge.url);
  let browser: DevtoolsBrowser | null = null;
  try {
    browser = await DevtoolsBrowser.launch();
    const tab = await browser.open(`${edge.url}/watch/${STREAM}`, "");
    await sleep(clock, SETTLE_MS, stop);
    const pid = await browser.findTabProcess();
    const readings = await readTab(tab, pid, () => writers.sent, minutes, clock, stop);
    return describeReadings(readings);
  } finally {
    writers.stop();
    await browser?.close();
  }
}

interface Writers {
  readonly sent: number;
  stop(): void;
}

/** Writers who take turns. */
async function startWriters(edgeUrl: string): Promise<Writers> {
  const { clock } = systemPlatform;
  const clients = await Promise.all(
    Array.from({ length: WRITERS }, async (_, index) => {
      const claims = {
        room: STREAM,
        sub: `writer-${index}`,
        name: `Writer ${index}`,
        roles: ["moderator"],
        seconds: 86_400,
      };
      const answer = await fetch(`${edgeUrl}/dev/token`, { method: "POST", body: JSON.stringify(claims) });
      const { token } = (await answer.json()) as { token: string };
      const url = `${edgeUrl.replace(/^http/, "ws")}${PROTOCOL_ADAPTERS.corral.socketPath(STREAM, token)}`;
      const client = createNodeRoomClient(url, "127.0.0.1", {}, systemPlatform);
      client.start();
      return client;
    }),
  );
  let sent = 0;
  const cancel = startInterval(clock, MESSAGE_EVERY_MS, () => {
    sent += 1;
    const text = `message ${sent} of a long chat, ${"with a longer sentence now and then, ".repeat(sent % 4)}like this`;
    void clients[sent % WRITERS]?.sendCommand({ kind: "chat", text });
  });
  return {
    get sent() {
      return sent;
    },
    stop: () => {
      cancel();
      for (const client of clients) client.stop();
    },
  };
}

async function readTab(
  tab: DevtoolsTab,
  pid: number,
  sent: () => number,
  minutes: number,
  clock: Clock,
  stop: AbortSignal,
): Promise<readonly ChatReading[]> {
  const readings: ChatReading[] = [];
  const beganMs = clock.monotonicMs();
  for (let minute = 0; minute <= minutes && !stop.aborted; minute += 1) {
    try {
      await sleep(clock, Math.max(0, beganMs + minute * MINUTE_MS - clock.monotonicMs()), stop);
      const newest = await tab.evaluate<number>(READ_NEWEST);
      const reading = { minute, sent: sent(), newest, ...(await tab.readMemory(pid)) };
      readings.push(reading);
      const [heap, process] = [reading.heapBytes, reading.processBytes].map((bytes) =>
        formatFixed(bytes / MEGABYTE, 1),
      );
      console.error(`minute ${minute}: message ${newest} of ${reading.sent}, heap ${heap}, process ${process} MB`);
    } catch (error) {
      // A terminal's interrupt reaches the browser too.
      if (!stop.aborted) throw error;
    }
  }
  return readings;
}

function describeReadings(readings: readonly ChatReading[]): BenchFigure[] {
  const last = readings.at(-1);
  if (last === undefined || last.minute === 0) return [];
  const growthMb = (bytes: (reading: ChatReading) => number): number =>
    slopeOf(
      readings
        .filter(({ minute }) => minute >= WARM_UP_SHARE * last.minute)
        .map((reading) => ({ x: reading.minute, y: bytes(reading) / MEGABYTE })),
    ) * last.minute;
  const heapMb = growthMb(({ heapBytes }) => heapBytes);
  const processMb = growthMb(({ processBytes }) => processBytes);
  const isShown = readings.every(({ sent, newest }) => sent - newest <= MOST_BEHIND);
  return [
    {
      figure: `${last.minute} minutes of chat, ${last.sent} messages: growth of the tab's memory: scripts; process`,
      goal: `≤ ${GOALS.heapMb}; ${GOALS.processMb} MB`,
      measured: `${formatFixed(heapMb, 1)}; ${formatFixed(processMb, 1)} MB${isShown ? "" : ", messages missing"}`,
      met: isShown && heapMb <= GOALS.heapMb && processMb <= GOALS.processMb,
      values: {
        heapAtEndMb: last.heapBytes / MEGABYTE,
        processAtEndMb: last.processBytes / MEGABYTE,
        newest: last.newest,
        sent: last.sent,
      },
    },
  ];
}
