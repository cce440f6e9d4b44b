/** Runs the page's keyboard shortcuts. */
import { readShortcut, type ShortcutAction } from "./shortcuts.ts";

/** What the keys act on; seconds of the element's timeline. */
export interface PageKeyTarget {
  readonly video: HTMLVideoElement;
  readonly isReplay: () => boolean;
  /** The actions that are not the video element's own; false: there is none, and the key stays the browser's. */
  readonly run: (action: Exclude<ShortcutAction, VideoAction>) => boolean;
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
    if (runShortcut(shortcut, target)) event.preventDefault();
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

/** False if the key does nothing now. */
function runShortcut(shortcut: ShortcutAction | number, { video, isReplay, run }: PageKeyTarget): boolean {
  if (typeof shortcut === "number") return isReplay() && seekTo(video, (video.duration * shortcut) / 10);
  switch (shortcut) {
    case "play":
      // A load that follows, or the browser, may refuse it.
      if (video.paused) video.play().catch(() => {});
      else video.pause();
      return true;
    case "mute":
      video.muted = !video.muted;
      return true;
    case "back":
      return seekTo(video, video.currentTime - SKIP_S);
    case "forward":
      return seekTo(video, video.currentTime + SKIP_S);
    case "louder":
    case "quieter": {
      const step = shortcut === "louder" ? VOLUME_STEP : -VOLUME_STEP;
      video.volume = Math.min(1, Math.max(0, video.volume + step));
      if (step > 0) video.muted = false;
      return true;
    }
    case "previousFrame":
    case "nextFrame":
      if (!isReplay() || !video.paused) return false;
      return seekTo(video, video.currentTime + (shortcut === "nextFrame" ? FRAME_S : -FRAME_S));
    case "pip":
      void togglePip(video);
      return true;
    default:
      return run(shortcut);
  }
}

/** False where nothing can be sought. */
function seekTo(video: HTMLVideoElement, seconds: number): boolean {
  const { seekable } = video;
  if (seekable.length === 0 || !Number.isFinite(seconds)) return false;
  video.currentTime = Math.min(seekable.end(seekable.length - 1), Math.max(seekable.start(0), seconds));
  return true;
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
