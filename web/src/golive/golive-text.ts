/** The page's sentences: what is the matter, and what to do. Pure. */
import type { CaptureMode, GoLiveProblem, GoLiveView } from "./golive-view.ts";
import type { CaptureStatus } from "./worker/messages.ts";

/** A title and what to do. */
export interface GoLiveSentence {
  readonly title: string;
  readonly advice: string;
}

const SENTENCES: Readonly<Record<GoLiveProblem["kind"], GoLiveSentence>> = {
  "key-refused": {
    title: "The stream key is refused.",
    advice: "Copy all of it from the studio, or make a new key there.",
  },
  "key-missing": { title: "A stream key is needed.", advice: "Make one in the studio, under Go live." },
  stopped: { title: "The stream was stopped.", advice: "Nobody can go live on it until the stop is undone." },
  "other-live": {
    title: "Another encoder is live on this stream.",
    advice: "End it there first. One that has crashed is forgotten after 10 seconds.",
  },
  unreachable: { title: "The server does not answer.", advice: "Check the network, then start again." },
  busy: { title: "The server takes no broadcast now.", advice: "Start again in a minute." },
  refused: {
    title: "The server has ended the broadcast.",
    advice: "Start again; if it happens again, make a new key.",
  },
  "network-lost": {
    title: "The network was away for too long.",
    advice: "The broadcast has ended. Start again when the network is back.",
  },
  "encoder-failed": {
    title: "The video encoder has failed.",
    advice: "Close other programs that use the camera or the graphics processor, then start again.",
  },
  "no-permission": {
    title: "Camera and microphone are blocked.",
    advice: "Allow both in the address bar or in the browser’s settings, then try again.",
  },
  "no-device": {
    title: "No camera was found.",
    advice: "Connect one, or share your screen instead.",
  },
  "device-busy": {
    title: "The camera cannot be used.",
    advice: "Another program may use it. Close that program, or choose another camera.",
  },
  "device-lost": {
    title: "The picture’s source has gone.",
    advice: "Viewers see the last picture. Choose a camera or your screen.",
  },
  "screen-refused": {
    title: "No screen is shared.",
    advice: "Choose a window, a tab or a screen in the browser’s dialog.",
  },
  insecure: {
    title: "Browsers give the camera to secure pages only.",
    advice: "Open this page with https:// or on this machine.",
  },
  "no-encoder": {
    title: "This browser cannot encode live video.",
    advice: "Use a current Chrome, Edge or Safari, or an encoder such as OBS with the studio’s settings.",
  },
  "whip-missing": {
    title: "This browser needs WebRTC ingest, which the server does not offer.",
    advice: "Use a current Chrome or Edge, which need no such server.",
  },
};

/** What to say about a problem; the edge's own words come last. */
export function describeProblem({ kind, reason }: GoLiveProblem): GoLiveSentence {
  const { title, advice } = SENTENCES[kind];
  return reason === "" ? { title, advice } : { title, advice: `${advice} (${reason.replace(/\.$/, "")})` };
}

/** A sentence about the broadcast's health. */
export interface HealthLine {
  readonly id: string;
  readonly severity: "good" | "info" | "warning" | "error";
  readonly text: string;
}

/** Checks that this page tells in its own words, or that its own rendition changes cause. */
const TOLD_OTHERWISE: ReadonlySet<string> = new Set(["ingest-delay", "starved", "disconnected", "no-data"]);

/** The broadcast's health, the worst first; one good line if nothing is the matter. */
export function describeHealth(status: CaptureStatus, mode: CaptureMode, isHidden: boolean): HealthLine[] {
  const lines: HealthLine[] = [];
  if (status.isPaused) {
    const text = "The network is away. The broadcast waits up to a minute for it; viewers see a pause.";
    return [{ id: "paused", severity: "error", text }];
  }
  if (status.isSkipping) {
    const text = "The uplink is too slow even for the smallest rendition: viewers miss moments. Use another network.";
    lines.push({ id: "skipping", severity: "error", text });
  }
  if (status.isTopDropped) {
    const kept = status.renditions.join(" and ");
    const why = status.isOverloaded
      ? "This device cannot encode every rendition"
      : "The uplink is too slow for every rendition";
    const text = `${why}. Viewers get ${kept}; the largest one returns when there is headroom.`;
    lines.push({ id: "reduced", severity: "warning", text });
  } else if (status.queueMs > 500) {
    lines.push({ id: "queue", severity: "warning", text: "The uplink falls behind. Move closer to the access point." });
  } else if (status.isOverloaded) {
    lines.push({
      id: "overload",
      severity: "warning",
      text: "This device is too busy. Close other tabs and programs.",
    });
  }
  for (const { id, severity, say, fix } of status.checks) {
    if (TOLD_OTHERWISE.has(id) || severity === "info") continue;
    lines.push({ id, severity, text: `${say} ${fix}` });
  }
  if (isHidden && mode === "whip") {
    lines.push({ id: "hidden", severity: "warning", text: "Keep this tab in front, or the picture stands still." });
  }
  if (lines.length > 0) return lines;
  const rate = (status.bitsPerSecond / 1e6).toFixed(1);
  const text = `All is well: ${status.renditions.join(" and ")}, ${rate} Mb/s, ${Math.round(status.framesPerSecond)} pictures a second.`;
  return [{ id: "good", severity: "good", text }];
}

/** The page's title. */
export function goLiveTitle({ phase }: GoLiveView, name: string): string {
  if (phase === "live" || phase === "ending") return `● LIVE · ${name}`;
  return `Go live · ${name}`;
}
