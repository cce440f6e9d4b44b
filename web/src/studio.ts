/** The studio page: asks how the stream is, keeps the last minutes, and draws them. */
import "./base.css";
import "./studio.css";
import "./chat/chat.css";
import "./studio/room/room.css";
import "./studio/stop/stop.css";
import { parseStreamName } from "../../protocol/ids.ts";
import type { StreamStatus } from "../../protocol/status.ts";
import { anomaliesIn, CountHistory } from "./studio/anomalies.ts";
import { draw } from "./studio/draw.tsx";
import { History } from "./studio/history.ts";
import { Poll } from "./studio/poll.ts";
import { Rates } from "./studio/rates.ts";
import type { Told } from "./studio/told.ts";
import type { Phase } from "./studio/words.ts";

const root = document.getElementById("studio");
if (root === null) throw new Error("the page lacks #studio");
root.textContent = "";

const name = location.pathname.replace(/^\/studio\/?/, "").replace(/\/$/, "");
const stream = parseStreamName(name);
const history = new History();
let rates = new Rates();
let counts = new CountHistory();
let anomalies: readonly string[] = [];
let told: Told | null = null;
let failing = false;

const poll = new Poll(`/api/streams/${stream}`, (answer) => {
  failing = answer === "failed";
  if (answer !== "failed") take(answer);
  redraw();
});
redraw();
if (stream !== null) poll.start();

function take(answer: Told): void {
  const before: StreamStatus | null = told === null || told === "none" ? null : told;
  told = answer;
  anomalies = [];
  if (answer === "none") return;
  if (before !== null && before.broadcast !== answer.broadcast) {
    history.clear();
    rates = new Rates();
    counts = new CountHistory();
  }
  if (answer.state === "live") {
    const { at: atMs, viewers } = answer;
    anomalies = anomaliesIn(viewers, counts.add({ atMs, viewers }));
  }
  const sample = rates.sample(answer);
  if (sample !== null) history.add(sample);
}

function redraw(): void {
  if (root === null) return;
  const status = told === null || told === "none" ? null : told;
  draw(root, { name, phase: phase(), status, history, nowMs: poll.serverNowMs(), failing, anomalies });
}

function phase(): Phase {
  if (stream === null) return "unknown";
  if (told === null) return "asking";
  if (told === "none") return "none";
  return told.stop === undefined ? told.state : "stopped";
}
