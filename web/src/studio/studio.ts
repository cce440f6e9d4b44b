/** The studio page: polls the stream's status, keeps the last minutes and renders them. */
import "../kit/base.css";
import "./studio.css";
import "../chat/chat.css";
import "./fields.css";
import "./room/room.css";
import "./room/invitation.css";
import "./stop/stop.css";
import "./golive/golive.css";
import "./details/details.css";
import "./health/health.css";
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import { parseStreamName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { findAnomalies, ViewerCountHistory } from "./anomalies.ts";
import { drawStudio } from "./draw-studio.tsx";
import type { StudioPhase } from "./format.ts";
import { StudioPoller } from "./poll.ts";
import { RateWindow, type StudioSample } from "./rate-window.ts";
import { SampleHistory } from "./sample-history.ts";
import type { StatusAnswer } from "./stream-status.ts";
import { firstTab, parseStudioTab, type StudioTab, withStudioTab } from "./studio-tabs.ts";

const root = document.getElementById("studio");
if (root === null) throw new Error("the page lacks #studio");
root.textContent = "";

const name = location.pathname.replace(/^\/studio\/?/, "").replace(/\/$/, "");
const stream = parseStreamName(name);
const history = new SampleHistory<StudioSample>();
let rates = new RateWindow();
let counts = new ViewerCountHistory();
let anomalies: readonly string[] = [];
let lastAnswer: StatusAnswer | null = null;
let isFailing = false;
let tab = parseStudioTab(location.search);

const poll = new StudioPoller(`/api/streams/${stream}`, systemPlatform, (answer) => {
  isFailing = answer === "failed";
  if (answer !== "failed") applyAnswer(answer);
  redraw();
});
redraw();
if (stream !== null) poll.start();

function applyAnswer(answer: StatusAnswer): void {
  const before: StreamStatus | null = lastAnswer === null || lastAnswer === "none" ? null : lastAnswer;
  lastAnswer = answer;
  anomalies = [];
  if (answer === "none") return;
  if (before !== null && before.broadcast !== answer.broadcast) {
    history.clear();
    rates = new RateWindow();
    counts = new ViewerCountHistory();
  }
  if (answer.state === "live") {
    const { at: atMs, viewers } = answer;
    anomalies = findAnomalies(viewers, counts.add({ atMs, viewers }));
  }
  const sample = rates.addStatus(answer);
  if (sample !== null) history.add(sample);
}

function redraw(): void {
  if (root === null) return;
  const status = lastAnswer === null || lastAnswer === "none" ? null : lastAnswer;
  const nowMs = poll.serverNowMs();
  const platform = systemPlatform;
  // Who has chosen none keeps the tab with which the page began.
  if (tab === null && phase() !== "asking") tab = firstTab(phase());
  const shown = tab ?? firstTab(phase());
  const view = { name, phase: phase(), status, history, platform, nowMs, isFailing, anomalies };
  drawStudio(root, { ...view, signInUrl: root.dataset["signIn"] ?? null, tab: shown, onTab });
}

function onTab(chosen: StudioTab): void {
  tab = chosen;
  window.history.replaceState(null, "", withStudioTab(location.href, chosen));
  redraw();
}

function phase(): StudioPhase {
  if (stream === null) return "unknown";
  if (lastAnswer === null) return "asking";
  if (lastAnswer === "none") return "none";
  return lastAnswer.stop === undefined ? lastAnswer.state : "stopped";
}
