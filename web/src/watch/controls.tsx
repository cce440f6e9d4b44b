/** media-chrome's controls, as far as this page shows them. */
import type { HTMLAttributes, VNode } from "preact";
import type { Clock } from "../../../core/kit/clock.ts";
import { BoltIcon, GearIcon, PulseIcon } from "../kit/icons.tsx";
import type { PlaybackStats } from "../player/stats.ts";
import { DelayShown } from "./delay-shown.tsx";

// The names that media-chrome defines.
declare module "preact" {
  namespace JSX {
    type MediaElement = HTMLAttributes<HTMLElement> & { anchor?: string };
    interface IntrinsicElements {
      "media-control-bar": MediaElement;
      "media-play-button": MediaElement;
      "media-mute-button": MediaElement;
      "media-volume-range": MediaElement;
      "media-live-button": MediaElement;
      "media-time-range": MediaElement;
      "media-time-display": MediaElement & { showduration?: boolean };
      "media-rendition-menu": MediaElement;
      "media-rendition-menu-button": MediaElement;
      "media-pip-button": MediaElement;
      "media-fullscreen-button": MediaElement;
    }
  }
}

interface ControlsProps {
  readonly live: boolean;
  readonly clock: Clock;
  readonly readStats: () => PlaybackStats;
  readonly panel: boolean;
  readonly onPanel: () => void;
  readonly delayMenu: boolean;
  readonly onDelayMenu: () => void;
}

/** The bar at the foot of the picture, with the time range above it. */
export function Controls({ live, clock, readStats, panel, onPanel, delayMenu, onDelayMenu }: ControlsProps): VNode {
  return (
    <div class="controls">
      <media-time-range class="range" />
      <media-control-bar class="bar">
        <media-play-button />
        <media-mute-button />
        <media-volume-range />
        {live ? <media-live-button /> : <media-time-display showduration />}
        {live && <DelayShown clock={clock} stats={readStats} />}
        <span class="spacer" />
        <button
          type="button"
          class="tool"
          aria-label="Playback statistics"
          title="Statistics (I)"
          aria-pressed={panel}
          onClick={onPanel}
        >
          <PulseIcon />
        </button>
        {live && (
          <button
            type="button"
            class="tool"
            aria-label="Delay"
            title="Delay"
            aria-haspopup="menu"
            aria-expanded={delayMenu}
            onClick={onDelayMenu}
          >
            <BoltIcon />
          </button>
        )}
        <media-rendition-menu-button>
          <span slot="icon" class="tool-icon">
            <GearIcon />
          </span>
        </media-rendition-menu-button>
        <media-pip-button />
        <media-fullscreen-button />
      </media-control-bar>
    </div>
  );
}
