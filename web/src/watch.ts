/** The watch page: loads the stream first, and everything that isn't a picture after it. */
import "./base.css";
import "./watch.css";
import "./chat/chat.css";
import { parseStreamName } from "../../protocol/ids.ts";
import { HlsPlayer, hlsSupported } from "./hls-player.ts";
import { monitor } from "./monitor.ts";
import { NativePlayer } from "./native-player.ts";
import { Side } from "./side.ts";
import { initialView, reduce, type View, type ViewEvent } from "./state.ts";
import { chooseRendition, readStats, type Stats } from "./stats.ts";
import { type Audience, type Status, StatusPoll } from "./status.ts";
import { dropStill, keepStill } from "./still.ts";
import { Ticket } from "./ticket.ts";
import type { Page } from "./ui/mount.tsx";

/** The controls come with the first picture, or after this long without one. */
const CONTROLS_AFTER_MS = 1000;
/** The chat comes after the picture has begun to move, so that it takes nothing from it. */
const CHAT_AFTER_MS = 250;

const video = element("video", HTMLVideoElement);
const still = element("still", HTMLCanvasElement);
const name = streamName(location.pathname);
const stream = parseStreamName(name);

let view: View = initialView(stream !== null);
let status: Status | null = null;
let page: Page | null = null;
let mounting = false;
let audience: Audience | null = null;

const url = `/live/${stream}/multivariant.m3u8`;
const ticket = new Ticket(name);
const hlsPlayer = hlsSupported() ? new HlsPlayer(video, url, dispatch, ticket) : null;
const player = hlsPlayer ?? new NativePlayer(video, url, dispatch, ticket);
const renditions = hlsPlayer?.renditions ?? null;
if (view.load > 0) player.load();

const counts = monitor(video, () => player, dispatch);
const poll = new StatusPoll(
  `/api/streams/${stream}`,
  () => view.phase,
  (answer) => {
    status = answer;
    dispatch({ type: "source", source: answer.source, stop: answer.stop });
    if (view.phase === "reconnecting" && answer.source.state === "live") player.nudge();
    draw();
  },
);
if (stream !== null) poll.ask();

/** Everything that happens comes through here: it changes the view, and the view drives the player. */
function dispatch(event: ViewEvent): void {
  const before = view;
  view = reduce(before, event);
  if (view === before) return;
  if (view.load !== before.load) {
    keepStill(video, still);
    player.load();
  } else if (view.phase === "waiting" || view.phase === "failed" || view.phase === "stopped") {
    if (before.phase !== view.phase) player.stop();
  }
  if (view.phase !== before.phase) {
    if (view.phase === "stopped") clearAll();
    if (before.phase === "stopped") side?.resume();
    if (view.phase !== "starting") drawControls();
    if (view.phase === "reconnecting") poll.askSoon();
    if (view.phase === "ended") poll.askSoon();
    if (view.phase === "live" || view.phase === "replay") dropStill(still);
    // A broadcast that isn't there yet has a chat already.
    if (["live", "replay", "waiting", "ended"].includes(view.phase)) setTimeout(() => side?.begin(), CHAT_AFTER_MS);
  }
  draw();
}

/** Nothing of a stopped stream stays on the page; why it was stopped is asked for. */
function clearAll(): void {
  dropStill(still);
  side?.pause();
  if (view.stop === null) poll.askSoon();
}

const stats = (): Stats => readStats(video, view, player, renditions, counts.read(), poll.serverNowMs());

const side =
  stream === null
    ? null
    : new Side(
        element("chat", HTMLElement),
        {
          stream,
          layer: element("bursts", HTMLElement),
          sight: () => {
            const { programTimeMs, edgeDistanceS } = player.read();
            return { phase: view.phase, programTimeMs, edgeDistanceS, serverNowMs: poll.serverNowMs() };
          },
          playing: () => !video.paused && (view.phase === "live" || view.phase === "reconnecting"),
          stopped: () => dispatch({ type: "stopped" }),
          counted: ({ watching, peak }) => {
            audience = { watching, peak };
            draw();
          },
        },
        () => {
          // Without the chat only the API tells who watches.
          if (side?.shown !== true) audience = null;
          draw();
        },
      );

function draw(): void {
  page?.draw({ view, audience: audience ?? status?.audience ?? null, chat: side?.shown ?? null });
}

video.addEventListener("resize", () => {
  element("player", HTMLElement).dataset["shape"] = video.videoHeight > video.videoWidth ? "portrait" : "landscape";
});

window.corral = Object.freeze({
  stats,
  setRendition: (choice: string): boolean => chooseRendition(renditions, choice),
});

addEventListener("online", () => {
  player.nudge();
  poll.ask();
});

// Fetching and running the controls before the first picture would hold it up.
setTimeout(drawControls, CONTROLS_AFTER_MS);
if (view.phase === "unknown") drawControls();

function drawControls(): void {
  if (page !== null || mounting) return;
  mounting = true;
  import("./ui/mount.tsx")
    .then(({ mount }) => {
      page = mount({ name, video, dispatch, stats, toLive: () => player.toLive(), toggleChat: () => side?.toggle() });
      draw();
    })
    .catch(() => {
      // The network was away for a moment: the picture goes on, the controls are asked for again.
      mounting = false;
      setTimeout(drawControls, CONTROLS_AFTER_MS);
    });
}

function streamName(path: string): string {
  const encoded = path.replace(/^\/watch\/?/, "").replace(/\/$/, "");
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page lacks #${id}`);
  return found;
}
