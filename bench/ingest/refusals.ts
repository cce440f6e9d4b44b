/** What refused senders cost: keys that are used up, taken or guessed. */
import { once } from "node:events";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { CLIENT_HANDSHAKE, publishCommands } from "../../core/ingest/rtmp/testing.ts";
import { rtmpOutput, startSender } from "../../tests/support/ffmpeg-senders.ts";
import type { IngestProcess } from "../../tests/support/ingest-process.ts";
import { findTarget } from "../../tests/support/playlist-viewer.ts";
import { type BenchFigure, formatFixed } from "../stats.ts";

const TRIES = 1_000;
/** Tries that are looked up: each comes from an address of its own. */
const LOOKED_UP = 200;
const ANSWER_MS = 15_000;
const SETTLE_MS = 1_000;
/** Time in which the node's CPU without tries is read. */
const BASE_MS = 5_000;
/** A node waits 3 s for a sender that has said goodbye. */
const GOODBYE_MS = 6_000;
const KEY = /corral_([^_]+)_/;

/** One-time key again, live key twice, wrong keys. */
export async function measureRefusals(node: IngestProcess, file: string): Promise<BenchFigure[]> {
  const single = await node.issueKey("bench-once", { uses: 1 });
  const first = startSender(file, rtmpOutput(node.rtmpPort, "bench-once", single.key));
  await findTarget(`${node.edge.url}/live/bench-once`);
  const twice = await costOf(node, 100, (i) => tryPublish(node, "bench-once", single.key, addressOf(i)));
  // Its goodbye ends the broadcast; within the reconnect window the key would continue it.
  first.process.kill("SIGINT");
  await first.exit;
  await sleep(GOODBYE_MS);
  const other = await node.issueKey("bench-other");
  const again = await costOf(node, 100, (i) => tryPublish(node, "bench-once", single.key, addressOf(100 + i)));
  const wrongKey = (i: number): string =>
    other.key.replace(KEY, (_, id: string) => `corral_${id.slice(0, -3)}${String(i).padStart(3, "0")}_`);
  const looked = await costOf(node, LOOKED_UP, (i) =>
    tryPublish(node, "bench-other", wrongKey(i), addressOf(1_000 + i)),
  );
  const guessed = await costOf(node, TRIES, (i) => tryPublish(node, "bench-other", wrongKey(i % 1_000), "127.0.0.1"));
  const rows = [
    ["a live key twice", twice],
    ["a one-time key again", again],
    [`${LOOKED_UP} wrong keys from as many addresses, all looked up`, looked],
    [`${TRIES} wrong keys from one address`, guessed],
  ] as const;
  return rows.map(([what, { tries, refused, cpuMs }]) => ({
    figure: `refused: ${what}; CPU of the node each`,
    goal: "all; ≤ 5 ms",
    measured: `${refused} of ${tries}; ${formatFixed(cpuMs)} ms`,
    met: refused === tries && cpuMs <= 5,
    values: { tries, refused, cpuMsEach: cpuMs },
  }));
}

interface RefusalCost {
  readonly tries: number;
  readonly refused: number;
  readonly cpuMs: number;
}

async function costOf(
  { origin }: IngestProcess,
  tries: number,
  attempt: (i: number) => Promise<boolean>,
): Promise<RefusalCost> {
  await sleep(SETTLE_MS);
  // A live sender goes on meanwhile; its CPU is not the refusals'.
  const [idleBegan, idleBefore] = [performance.now(), origin.cpuMs()];
  await sleep(BASE_MS);
  const [began, before] = [performance.now(), origin.cpuMs()];
  const base = (before - idleBefore) / (began - idleBegan);
  let refused = 0;
  for (let i = 0; i < tries; i += 1) if (await attempt(i)) refused += 1;
  await sleep(SETTLE_MS);
  const cpuMs = origin.cpuMs() - before - base * (performance.now() - began);
  return { tries, refused, cpuMs: cpuMs / tries };
}

/** An address of this machine for each number. */
function addressOf(i: number): string {
  return `127.0.${1 + Math.floor(i / 200)}.${1 + (i % 200)}`;
}

/** Asks to publish. Whether it is refused with a sentence. */
async function tryPublish({ rtmpPort }: IngestProcess, stream: string, key: string, from: string): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port: rtmpPort, localAddress: from, noDelay: true });
  socket
    .on("error", () => {})
    .setEncoding("latin1")
    .setTimeout(ANSWER_MS, () => socket.destroy());
  let answer = "";
  socket.on("data", (text: string) => {
    answer += text;
    if (answer.includes("NetStream.Publish.")) socket.end();
  });
  socket.write(CLIENT_HANDSHAKE);
  socket.write(publishCommands(`live/${stream}`, key));
  await once(socket, "close");
  return answer.includes("NetStream.Publish.") && !answer.includes("NetStream.Publish.Start");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
