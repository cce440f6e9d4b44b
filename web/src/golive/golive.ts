/** The page "Go live": this browser as the encoder of a stream. */
import "../kit/base.css";
import "./golive.css";
import "../chat/chat.css";
import { startInterval } from "../../../core/kit/clock.ts";
import { parseStreamName, type StreamName } from "../../../core/kit/ids.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { type ChatMount, mountChat } from "../chat/mount-chat.tsx";
import { type AudienceCount, StatusPoller } from "../player/status.ts";
import { drawGoLivePage } from "./app.tsx";
import { CaptureController } from "./capture-controller.ts";

const REDRAW_MS = 500;

const platform = systemPlatform;
const root = document.getElementById("stage");
const preview = document.getElementById("preview");
const chatRoot = document.getElementById("chat");
const bursts = document.getElementById("bursts");
if (root === null || !(preview instanceof HTMLVideoElement) || chatRoot === null || bursts === null)
  throw new Error("the page lacks its elements");

const name = decodeURIComponent(location.pathname.replace(/^\/golive\/?/, "").replace(/\/$/, ""));
const stream = parseStreamName(name);
if (stream === null) location.replace("/404");
else run(stream, preview, chatRoot, bursts, root.dataset);

function run(
  stream: StreamName,
  preview: HTMLVideoElement,
  chatRoot: HTMLElement,
  bursts: HTMLElement,
  urls: DOMStringMap,
): void {
  let audience: AudienceCount | null = null;
  let chat: ChatMount | null = null;
  let isChatWanted = true;
  const poller = new StatusPoller({
    url: `/api/streams/${stream}`,
    phase: () => (controller.view.phase === "live" ? "live" : "waiting"),
    onStatus: (status) => {
      // The room counts more often, and its count stands while the chat is open.
      if (chat === null || audience === null) audience = status.audience;
      draw();
    },
    isResting: () => false,
    platform,
  });
  const controller = new CaptureController({
    ...{ stream, platform, preview },
    workerUrl: urls["worker"] ?? "",
    workletUrl: urls["worklet"] ?? "",
    clockOffsetMs: () => correctedOffset(poller.serverNowMs() - platform.clock.nowMs()),
    onChange: () => draw(),
  });

  const toggleChat = (): void => {
    isChatWanted = !isChatWanted;
    if (!isChatWanted) {
      chat?.stop();
      chat = null;
    }
    document.body.dataset["chat"] = isChatWanted ? "shown" : "hidden";
    draw();
  };
  /** A stream has a room once it has a key. */
  const hasRoom = (): boolean => !["checking", "key"].includes(controller.view.phase);
  const openChat = (): void => {
    chat = mountChat(
      chatRoot,
      {
        ...{ stream, platform, reactionLayer: bursts },
        playbackPosition: () => ({
          phase: controller.view.phase === "live" ? "live" : "waiting",
          // The broadcaster is ahead of every viewer: messages are shown at once.
          programTimeMs: null,
          edgeDistanceS: null,
          serverNowMs: poller.serverNowMs(),
        }),
        // The broadcaster is no viewer.
        isPlaying: () => false,
        onStopped: () => {},
        onCounts: ({ watching, peak }) => {
          audience = { watching, peak };
          draw();
        },
      },
      toggleChat,
    );
  };

  let frame = 0;
  const draw = (): void => {
    if (frame !== 0) return;
    // Animation frames stand still in the background, where nothing has to be drawn.
    frame = requestAnimationFrame(() => {
      frame = 0;
      if (isChatWanted && chat === null && hasRoom()) openChat();
      preview.dataset["mirrored"] = String(controller.isMirrored);
      const { clock } = platform;
      drawGoLivePage({
        ...{ name: stream, controller, audience, toggleChat },
        nowMs: clock.monotonicMs(),
        isChatShown: isChatWanted,
      });
    });
  };
  preview.addEventListener("resize", () => {
    root?.setAttribute("data-shape", preview.videoHeight > preview.videoWidth ? "portrait" : "landscape");
  });
  startInterval(platform.clock, REDRAW_MS, draw);
  document.body.dataset["chat"] = "shown";
  poller.pollNow();
  draw();
  void controller.begin();
}

/** The edge tells whole seconds: a small difference is none. */
function correctedOffset(offsetMs: number): number {
  return Math.abs(offsetMs) > 1_500 ? offsetMs : 0;
}
