/** Buttons over the picture for what a viewer may want now. */
import type { VNode } from "preact";
import { SoundOffIcon } from "../kit/icons.tsx";
import { hasNewerBroadcast, type WatchEvent, type WatchView } from "../player/watch-state.ts";

interface PromptsProps {
  readonly view: WatchView;
  readonly muted: boolean;
  readonly onUnmute: () => void;
  readonly dispatch: (event: WatchEvent) => void;
}

export function Prompts({ view, muted, onUnmute, dispatch }: PromptsProps): VNode {
  return (
    <div class="prompts">
      {isPlaying(view) && view.autoplay === "muted" && muted && (
        <button type="button" class="pill pill-strong" onClick={onUnmute}>
          <SoundOffIcon /> Tap for sound
        </button>
      )}
      {hasNewerBroadcast(view) && (
        <button type="button" class="pill pill-live" onClick={() => dispatch({ type: "watchLive" })}>
          <span class="dot" /> Live again: watch now
        </button>
      )}
    </div>
  );
}

/** Whether there is a picture to control. */
export const isPlaying = ({ phase }: WatchView): boolean =>
  phase === "live" || phase === "replay" || phase === "reconnecting";
