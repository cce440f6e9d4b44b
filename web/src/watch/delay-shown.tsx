/** The delay on the control bar, and the note of a fallback. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import type { FlowObstacle } from "../player/delay-choice.ts";
import type { PlaybackStats } from "../player/stats.ts";
import { describeDelay, fallbackNote } from "./delay-text.ts";

/** More often nobody reads it. */
const READ_EVERY_MS = 1_000;
/** The note goes by itself; the delay menu has it. */
const NOTE_MS = 8_000;

/** The delay now. */
export function DelayShown({ clock, stats }: { readonly clock: Clock; readonly stats: () => PlaybackStats }): VNode {
  const [text, setText] = useState("");
  useEffect(() => {
    const read = (): void => {
      const { delayS, edgeDistanceS } = stats();
      setText(describeDelay(delayS, edgeDistanceS));
    };
    read();
    return startInterval(clock, READ_EVERY_MS, read);
  }, []);
  return (
    <span class="delay-shown" title="Delay to the broadcast">
      <span class="sr">{text === "" ? "" : "Delay: "}</span>
      {text}
    </span>
  );
}

interface FallbackNoteProps {
  readonly clock: Clock;
  readonly obstacle: FlowObstacle | null;
}

/** Says for a while why the page no longer plays with the least delay. */
export function FallbackNote({ clock, obstacle }: FallbackNoteProps): VNode {
  const text = fallbackNote(obstacle);
  const [shown, setShown] = useState<string | null>(null);
  useEffect(() => {
    setShown(text);
    return text === null ? undefined : clock.startTimer(NOTE_MS, () => setShown(null));
  }, [text]);
  // A live region has to be there before its text.
  return (
    <p class="fallback" role="status" hidden={shown === null}>
      {shown}
    </p>
  );
}
