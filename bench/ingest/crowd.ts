/** Many senders on one node, one of which is broken: memory, and what the others notice. */
import { connect, type Socket } from "node:net";
import { CLIENT_HANDSHAKE, publishCommands } from "../../core/ingest/rtmp/testing.ts";
import { rtmpOutput, type Sender, startSender } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import { breaksOf, findTarget, longestPauseMs, watchPlaylist } from "../../tests/support/playlist-viewer.ts";
import { type BenchFigure, formatFixed, median } from "../stats.ts";

const SENDERS = 20;
const SAMPLE_MS = 1_000;
const STAGGER_MS = 150;
const BAD_EVERY_MS = 500;
const GARBAGE_BYTES = 65_536;
/** What a playlist without a fault lacks. */
const DISTURBANCE = /GAP=YES|EXT-X-DISCONTINUITY\n|EXT-X-ENDLIST/g;

/** `seconds` of 20 senders, beside one that publishes garbage. */
export async function measureCrowd(node: IngestProcess, file: string, seconds: number): Promise<BenchFigure> {
  const senders: Sender[] = [];
  const resident: number[] = [];
  const streams = Array.from({ length: SENDERS }, (_, i) => `bench-crowd-${i}`);
  const bad = await node.issueKey("bench-bad");
  for (const stream of streams) {
    const { key } = await node.issueKey(stream);
    senders.push(startSender(file, rtmpOutput(node.rtmpPort, stream, key)));
    await sleep(STAGGER_MS);
  }
  const bases = streams.map((stream) => `${node.edge.url}/live/${stream}`);
  const targets = await Promise.all(bases.map((base) => findTarget(base)));
  const stop = new AbortController();
  const [watched] = targets;
  if (watched === undefined) throw new Error("no stream");
  const watching = watchPlaylist(watched, stop.signal);
  const logged = node.origin.output.length;
  for (let ms = 0; ms < 1_000 * seconds; ms += SAMPLE_MS) {
    for (let i = 0; i < SAMPLE_MS / BAD_EVERY_MS; i += 1) {
      sendGarbage(node.rtmpPort, "bench-bad", bad.key);
      await sleep(BAD_EVERY_MS);
    }
    resident.push(node.residentBytes());
  }
  stop.abort();
  const readings = await watching;
  const texts = await Promise.all(targets.map(async ({ playlist }) => (await fetch(playlist)).text()));
  const quarter = Math.floor(resident.length / 4);
  const [early, late] = [median(resident.slice(quarter, 2 * quarter)), median(resident.slice(-quarter))];
  const growth = 100 * (late / early - 1);
  const said = node.origin.output.slice(logged).split("\n");
  await Promise.all(senders.map((sender) => sender.kill()));
  const disturbances = streams.flatMap((stream, i) => {
    const marks = texts[i]?.match(DISTURBANCE) ?? [];
    const lines = said.filter((line) => line.includes(` ${stream}: `) && !/passed through|on the air/.test(line));
    return [...[...new Set(marks)].map((mark) => `${stream}: ${mark.trim()}`), ...lines].map((what) => ({
      stream,
      what,
    }));
  });
  for (const { what } of disturbances) console.log(`  ${what}`);
  const disturbed = [...new Set(disturbances.map(({ stream }) => stream))];
  return {
    figure: `${SENDERS} senders for ${seconds} s beside one that publishes garbage: memory, last quarter against the second; senders disturbed`,
    goal: "≤ 5 %; 0",
    measured: `${formatFixed(growth, 1)} % of ${formatFixed(early / 1e6, 0)} MB; ${disturbed.length}`,
    met: growth <= 5 && disturbed.length === 0,
    values: {
      ...{ growthPercent: growth, earlyMB: early / 1e6, lateMB: late / 1e6, disturbed: disturbed.join(" ") },
      ...{ longestPauseMs: longestPauseMs(readings), breaks: breaksOf(readings) },
    },
  };
}

/** Publishes to a stream with a good key of it, and goes on with noise. */
export function sendGarbage(port: number, stream: string, key: string): void {
  const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => {}).on("data", () => {});
  socket.write(CLIENT_HANDSHAKE);
  socket.write(publishCommands(`live/${stream}`, key));
  const noise = Uint8Array.from({ length: GARBAGE_BYTES }, (_, i) => (i * 7_919 + (i >> 3)) & 255);
  setTimeout(() => socket.write(noise), 100);
  setTimeout(() => socket.destroy(), BAD_EVERY_MS);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
