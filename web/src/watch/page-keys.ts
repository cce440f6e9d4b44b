/** Runs the page's keyboard shortcuts. */
import { readShortcut, type ShortcutAction } from "./shortcuts.ts";

/** What the keys act on; seconds of the element's timeline. */
export interface PageKeyTarget {
  readonly video: HTMLVideoElement;
  readonly isReplay: () => boolean;
  /** The actions that are not the video element's own. */
  readonly run: (action: Exclude<ShortcutAction, VideoAction>) => void;
}

type VideoAction = "play" | "mute" | "back" | "forward" | "louder" | "quieter" | "previousFrame" | "nextFrame" | "pip";

const SKIP_S = 10;
const VOLUME_STEP = 0.1;
/** The length of a picture is not known: this is the common one. */
const FRAME_S = 1 / 30;

/** Elements with keys of their own; Space and Enter press what has the focus. */
const FIELDS = "input, textarea, select, [contenteditable], dialog";
const ARROW_OWNERS = "[role=log], [role=menu], [role=slider], [role=tablist], media-time-range, media-volume-range";
const PRESSED_BY_SPACE = "button, a, summary, [role=button], [role=switch]";

/** Listens on the whole page. */
export function listenToPageKeys(target: PageKeyTarget): void {
  document.addEventListener("keydown", (event) => {
    const shortcut = event.defaultPrevented ? null : readShortcut(event);
    const focused = event.composedPath()[0];
    if (shortcut === null || !(focused instanceof Element) || isOwnKey(event.key, focused)) return;
    event.preventDefault();
    runShortcut(shortcut, target);
  });
}

/** Whether an element's own meaning of a key goes first. */
function isOwnKey(key: string, focused: Element): boolean {
  const host = focused.getRootNode();
  const owner = host instanceof ShadowRoot ? host.host : focused;
  const isOwned = (selector: string): boolean => focused.closest(selector) !== null || owner.closest(selector) !== null;
  if (isOwned(FIELDS) && !focused.matches("[type=range]")) return true;
  if (key.startsWith("Arrow") && (isOwned(ARROW_OWNERS) || focused.matches("[type=range]"))) return true;
  return key === " " && (isOwned(PRESSED_BY_SPACE) || owner.localName.endsWith("-button"));
}

function runShortcut(shortcut: ShortcutAction | number, { video, isReplay, run }: PageKeyTarget): void {
  if (typeof shortcut === "number") {
    if (isReplay()) seekTo(video, (video.duration * shortcut) / 10);
    return;
  }
  switch (shortcut) {
    case "play":
      if (video.paused) void video.play();
      else video.pause();
      return;
    case "mute":
      video.muted = !video.muted;
      return;
    case "back":
      seekTo(video, video.currentTime - SKIP_S);
      return;
    case "forward":
      seekTo(video, video.currentTime + SKIP_S);
      return;
    case "louder":
    case "quieter": {
      const step = shortcut === "louder" ? VOLUME_STEP : -VOLUME_STEP;
      video.volume = Math.min(1, Math.max(0, video.volume + step));
      if (step > 0) video.muted = false;
      return;
    }
    case "previousFrame":
    case "nextFrame":
      if (isReplay() && video.paused)
        seekTo(video, video.currentTime + (shortcut === "nextFrame" ? FRAME_S : -FRAME_S));
      return;
    case "pip":
      void togglePip(video);
      return;
    default:
      run(shortcut);
  }
}

function seekTo(video: HTMLVideoElement, seconds: number): void {
  const { seekable } = video;
  if (seekable.length === 0 || !Number.isFinite(seconds)) return;
  video.currentTime = Math.min(seekable.end(seekable.length - 1), Math.max(seekable.start(0), seconds));
}

/** A browser may forbid it, or lack it. */
async function togglePip(video: HTMLVideoElement): Promise<void> {
  try {
    if (document.pictureInPictureElement === video) await document.exitPictureInPicture();
    else await video.requestPictureInPicture();
  } catch {
    // Nothing changes.
  }
}
