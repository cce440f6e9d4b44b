/** The state of the watch page as a pure reducer over events of the API, the player and the viewer. */

import type { StopNotice } from "../../../core/access/stream-stop.ts";

/** The phase of the page. */
export type WatchPhase =
  /** Nothing is known yet. */
  | "connecting"
  /** No broadcast yet: the page polls until there is one. */
  | "waiting"
  /** The edge deferred the join, because too many viewers are joining. */
  | "queued"
  /** There is a broadcast; its first picture is loading. */
  | "starting"
  | "live"
  /** The source or the network is lost; the last picture stays. */
  | "reconnecting"
  /** The broadcast has ended and can be watched again. */
  | "ended"
  /** An ended broadcast is playing. */
  | "replay"
  /** The address has no valid stream name. */
  | "unknown"
  /** Playback failed; the viewer may retry. */
  | "failed"
  /** The stream was stopped: no picture stays. The page polls until the stop is undone. */
  | "stopped";

/** The stream's state in `GET /api/streams/{stream}`; `none` is its 404. */
export type WatchSource =
  | { readonly state: "none" }
  | { readonly state: "live" | "reconnecting" | "ended"; readonly broadcast: string };

/** The complete state. */
export interface WatchView {
  readonly phase: WatchPhase;
  /** The last response of the API, or null before the first. */
  readonly source: WatchSource | null;
  /** The player's job: an increased `load` means to load the stream (again). */
  readonly loadCount: number;
  /** The last loaded broadcast, if the API has named it. */
  readonly loadedBroadcast: string | null;
  /** Whether the browser blocks audio, or playback, before a gesture. */
  readonly autoplay: "allowed" | "muted" | "blocked";
  /** The viewer requested the recording, so a new broadcast is offered instead of shown. */
  readonly choseRecording: boolean;
  /** The broadcast that the address names, or null: the page shows no other one. */
  readonly namedBroadcast: string | null;
  /** The error message for the viewer. */
  readonly error: string | null;
  /** The reason of the stop, if the API has reported it. */
  readonly stopNotice: StopNotice | null;
}

/** All events. */
export type WatchEvent =
  | { readonly type: "source"; readonly source: WatchSource; readonly stop?: StopNotice | null }
  /** The edge or the room refused because the stream was stopped. */
  | { readonly type: "stopped" }
  /** Pictures advance; `recording` if the playlist has ended. */
  | { readonly type: "moving"; readonly recording: boolean }
  /** Pictures stopped without a pause, or the network fails. */
  | { readonly type: "stuck" }
  /** The playlist's response was 404. */
  | { readonly type: "missing" }
  /** The playlist's response deferred the join. */
  | { readonly type: "crowded" }
  /** The last picture of a playlist with an end was shown. */
  | { readonly type: "finished" }
  | { readonly type: "autoplay"; readonly autoplay: WatchView["autoplay"] }
  | { readonly type: "failed"; readonly error: string }
  | { readonly type: "watchAgain" }
  | { readonly type: "watchLive" }
  | { readonly type: "retry" };

/** The state of a page that has just opened; it loads at once, in parallel with the first API request. */
export function initialWatchView(validName: boolean, namedBroadcast: string | null = null): WatchView {
  return {
    namedBroadcast,
    phase: validName ? "connecting" : "unknown",
    source: null,
    loadCount: validName ? 1 : 0,
    loadedBroadcast: namedBroadcast,
    autoplay: "allowed",
    choseRecording: false,
    error: null,
    stopNotice: null,
  };
}

/** The state after `event`; the same object if nothing changes. */
export function reduceWatchView(view: WatchView, event: WatchEvent): WatchView {
  if (view.phase === "unknown") return view;
  // Player events of a stopped stream are outdated.
  if (view.phase === "stopped" && event.type !== "source") return view;
  switch (event.type) {
    case "source":
      return onStop(view, event.source, event.stop ?? null);
    case "stopped":
      return { ...view, phase: "stopped", stopNotice: null };
    case "moving":
      return onMoving(view, event.recording);
    case "stuck":
      return onStuck(view);
    case "missing":
      return isJoining(view) ? onMissing(view) : view;
    case "crowded":
      return isJoining(view) || view.phase === "reconnecting" ? { ...view, phase: "queued" } : view;
    case "finished":
      return onFinished(view);
    case "autoplay":
      return view.autoplay === event.autoplay ? view : { ...view, autoplay: event.autoplay };
    case "failed":
      return { ...view, phase: "failed", error: event.error };
    case "watchAgain":
      return { ...reload(view), choseRecording: true };
    case "watchLive":
    case "retry":
      return reload(view);
  }
}

/** Whether another broadcast is live while the viewer watches a recording. */
export function hasNewerBroadcast(view: WatchView): boolean {
  const source = view.source;
  return view.phase === "replay" && source?.state === "live" && source.broadcast !== view.loadedBroadcast;
}

/** Whether the API lists a broadcast that the playlist's tier does not have yet: it does within a second or two. */
export function isAboutToStart({ phase, source }: WatchView): boolean {
  return phase === "waiting" && (source?.state === "live" || source?.state === "reconnecting");
}

const isJoining = ({ phase }: WatchView): boolean =>
  phase === "connecting" || phase === "starting" || phase === "queued";

function reload(view: WatchView): WatchView {
  const loaded = view.namedBroadcast ?? broadcastOf(view.source) ?? view.loadedBroadcast;
  return {
    ...view,
    phase: "starting",
    loadCount: view.loadCount + 1,
    loadedBroadcast: loaded,
    error: null,
    choseRecording: false,
  };
}

function onMissing(view: WatchView): WatchView {
  if (view.namedBroadcast === null) return { ...view, phase: "waiting" };
  return { ...view, phase: "failed", error: "The stream has no such recording." };
}

function broadcastOf(source: WatchSource | null): string | null {
  return source === null || source.state === "none" ? null : source.broadcast;
}

function onStuck(view: WatchView): WatchView {
  if (view.phase !== "live" && view.phase !== "starting") return view;
  // The end was known before the last pictures were shown: no more will come.
  const over =
    view.phase === "live" && view.source?.state === "ended" && view.source.broadcast === view.loadedBroadcast;
  return { ...view, phase: over ? "ended" : "reconnecting" };
}

function onFinished(view: WatchView): WatchView {
  if (view.phase === "failed") return view;
  // A broadcast that began during the recording is shown at the recording's end.
  return hasNewerBroadcast(view) && view.namedBroadcast === null
    ? reload(view)
    : { ...view, phase: "ended", choseRecording: false };
}

/** Stopped in any phase; when started again, the page loads as if it had just been opened. */
function onStop(view: WatchView, source: WatchSource, stop: StopNotice | null): WatchView {
  if (stop !== null) {
    const known = view.phase === "stopped" && JSON.stringify(view.stopNotice) === JSON.stringify(stop);
    return known && sameSource(view.source, source) ? view : { ...view, phase: "stopped", source, stopNotice: stop };
  }
  if (view.phase !== "stopped") return onSource(view, source);
  const begun = { ...view, source, stopNotice: stop };
  return source.state === "none" ? { ...begun, phase: "waiting" } : reload(begun);
}

function onSource(before: WatchView, source: WatchSource): WatchView {
  const awaits = before.phase === "waiting" || before.phase === "reconnecting";
  if (sameSource(before.source, source) && !awaits) return before;
  const view = { ...before, source };
  if (view.namedBroadcast !== null) return onSourceOfNamed(view, source);
  if (source.state === "none") return before.phase === "connecting" ? { ...view, phase: "waiting" } : view;
  // The page's first load is older than the first response, which therefore names its broadcast.
  if (view.loadedBroadcast === null && view.phase !== "waiting") {
    return { ...view, loadedBroadcast: source.broadcast, phase: view.phase === "connecting" ? "starting" : view.phase };
  }
  if (view.phase === "waiting") return reload(view);
  if (
    source.broadcast !== view.loadedBroadcast &&
    source.state !== "ended" &&
    !(view.phase === "replay" && view.choseRecording)
  ) {
    return reload(view);
  }
  // An end during a reconnection: no further pictures will report it.
  if (source.state === "ended" && view.phase === "reconnecting") return { ...view, phase: "ended" };
  return view;
}

/** Only the end of the named broadcast itself concerns the page. */
function onSourceOfNamed(view: WatchView, source: WatchSource): WatchView {
  const hasEnded = source.state === "ended" && source.broadcast === view.namedBroadcast;
  return hasEnded && view.phase === "reconnecting" ? { ...view, phase: "ended" } : view;
}

function onMoving(view: WatchView, recording: boolean): WatchView {
  if (view.phase === "failed") return view;
  // For a live viewer the tail of a broadcast that has just ended still belongs to the broadcast.
  const phase = recording && view.phase !== "live" && view.phase !== "reconnecting" ? "replay" : "live";
  if (view.phase === phase || (view.phase === "replay" && recording)) return view;
  return { ...view, phase };
}

function sameSource(a: WatchSource | null, b: WatchSource): boolean {
  return a !== null && a.state === b.state && broadcastOf(a) === broadcastOf(b);
}
