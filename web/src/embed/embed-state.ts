/** What an embedded player says of itself; pure. */
import type { EmbedEvent, EmbedState } from "../../../core/embed/embed-protocol.ts";
import type { WatchView } from "../player/watch-state.ts";

/** What the events are made of. */
export interface EmbedReading {
  readonly view: WatchView;
  readonly isHeld: boolean;
  readonly paused: boolean;
  readonly muted: boolean;
  readonly volume: number;
}

/** The state that is shown. */
export function embedStateOf({ view, isHeld, paused }: Pick<EmbedReading, "view" | "isHeld" | "paused">): EmbedState {
  switch (view.phase) {
    case "connecting":
    case "queued":
    case "starting":
      return isHeld ? "idle" : "loading";
    case "live":
    case "replay":
      return paused ? "paused" : "playing";
    case "unknown":
      return "failed";
    case "waiting":
    case "reconnecting":
    case "ended":
    case "stopped":
    case "failed":
      return view.phase;
  }
}

/** The events that tell `after` to a page that knows `before`; null: it knows nothing. */
export function embedEventsOf(before: EmbedReading | null, after: EmbedReading): readonly EmbedEvent[] {
  const state: EmbedEvent = {
    type: "state",
    state: embedStateOf(after),
    isLive: after.view.phase === "live",
    muted: after.muted,
    volume: after.volume,
  };
  const was = before === null ? null : embedStateOf(before);
  const isSame =
    before !== null &&
    was === state.state &&
    before.muted === after.muted &&
    before.volume === after.volume &&
    (before.view.phase === "live") === state.isLive;
  const events: EmbedEvent[] = isSame ? [] : [state];
  if (state.state === was) return events;
  if (state.state === "ended") events.push({ type: "ended" });
  if (state.state === "failed") events.push({ type: "error", message: after.view.error ?? "No such stream." });
  if (state.state === "stopped") events.push({ type: "error", message: "The stream was stopped." });
  return events;
}
