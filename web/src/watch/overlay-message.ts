/** The page's texts for each state. */
import type { StopNotice } from "../../../core/access/stream-stop.ts";
import { formatDateTime } from "../kit/date-text.ts";
import type { WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";

/** The overlay of a state. */
export interface OverlayMessage {
  readonly title: string;
  readonly detail: string;
  readonly busy: boolean;
}

/** The tab's title: the stream's name and state, and the site's name. */
export function pageTitle(view: WatchView, name: string, site: string): string {
  return `${describePhase(view, name)} · ${site}`;
}

function describePhase(view: WatchView, name: string): string {
  switch (view.phase) {
    case "live":
      return view.source?.state === "ended" ? name : `● ${name} is live`;
    case "connecting":
    case "starting":
      return name;
    case "queued":
      return `Joining ${name}`;
    case "waiting":
      return `${name} isn’t live yet`;
    case "reconnecting":
      return `Reconnecting to ${name}`;
    case "ended":
      return `${name} has ended`;
    case "replay":
      return `${name}, recording`;
    case "unknown":
      return "No such stream";
    case "failed":
      return `${name} can’t be played`;
    case "stopped":
      return `${name} was stopped`;
  }
}

/** The overlay's message at `nowMs`, or null if the picture needs none. */
export function overlayMessage(view: WatchView, about: StreamAbout, nowMs: number): OverlayMessage | null {
  switch (view.phase) {
    case "connecting":
      return { title: "Connecting", detail: "", busy: true };
    case "starting":
      return { title: "Starting", detail: "", busy: true };
    case "queued":
      return {
        title: "Waiting to join",
        detail: "Many viewers are joining right now. Playback starts automatically.",
        busy: true,
      };
    case "waiting":
      return waitingMessage(about, nowMs);
    case "reconnecting":
      return view.source?.state === "reconnecting"
        ? {
            title: "Broadcast interrupted",
            detail: "The broadcaster lost its connection. Playback resumes automatically.",
            busy: true,
          }
        : {
            title: "Reconnecting",
            detail: "Your connection is slow or offline. Playback resumes automatically.",
            busy: true,
          };
    case "ended":
      if (view.namedBroadcast !== null) return { title: "The recording ends here", detail: "", busy: false };
      return { title: "The broadcast has ended", detail: "The next broadcast starts here automatically.", busy: false };
    case "unknown":
      return {
        title: "No such stream",
        detail: "A stream name has at most 64 lowercase letters, digits, - and _.",
        busy: false,
      };
    case "failed":
      return { title: "Playback failed", detail: view.error ?? "", busy: false };
    case "stopped":
      return { title: "This stream was stopped", detail: stopDetail(view.stopNotice), busy: false };
    case "live":
    case "replay":
      return null;
  }
}

/** Before the first broadcast: an announced one, a stream without one, a name that nobody has. */
function waitingMessage({ title, startsAt, isUnknown }: StreamAbout, nowMs: number): OverlayMessage {
  if (isUnknown) {
    return { title: "No such stream", detail: `Nobody has a stream named ${title}. Check the address.`, busy: false };
  }
  const detail = "Playback starts automatically.";
  if (startsAt === null) return { title: `${title} isn’t live yet`, detail, busy: true };
  return { title, detail: `Starts ${formatDateTime(Date.parse(startsAt), nowMs, "long")}. ${detail}`, busy: false };
}

/** The reason, and the end. */
function stopDetail(stop: StopNotice | null): string {
  if (stop === null) return "";
  return stop.until === null ? stop.reason : `${stop.reason} Until ${new Date(stop.until).toLocaleString()}.`;
}
