/** What stands over the picture of an embedded player. */
import type { VNode } from "preact";
import type { Clock } from "../../../core/kit/clock.ts";
import { GearIcon, PlayIcon } from "../kit/icons.tsx";
import type { PlaybackStats } from "../player/stats.ts";
import type { WatchEvent, WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "../watch/about.ts";
import { Overlay } from "../watch/app.tsx";
import { DelayShown } from "../watch/delay-shown.tsx";
import { isPlaying, Prompts } from "../watch/prompts.tsx";
import type { SharedPlace } from "../watch/share-link.ts";
import { Badge } from "../watch/top-bar.tsx";

interface EmbedAppProps {
  readonly stream: string;
  readonly about: StreamAbout;
  readonly view: WatchView;
  /** It waits for the viewer, or for the page around it, to begin. */
  readonly isHeld: boolean;
  readonly muted: boolean;
  readonly place: SharedPlace;
  readonly clock: Clock;
  readonly readStats: () => PlaybackStats;
  readonly dispatch: (event: WatchEvent) => void;
  readonly onPlay: () => void;
  readonly onUnmute: () => void;
}

/** Title, message, prompts and controls. */
export function EmbedApp(props: EmbedAppProps): VNode {
  const { stream, about, view, isHeld, dispatch } = props;
  const playing = isPlaying(view);
  // What the stream's state says goes before the wish to begin.
  const isOffered = isHeld && ["connecting", "queued", "starting"].includes(view.phase);
  return (
    <>
      {isOffered && (
        <button type="button" class="embed-offer" onClick={props.onPlay} aria-label="Play">
          <img src={`/api/streams/${stream}/images/poster`} alt="" />
          <span class="play-big embed-begin">
            <PlayIcon />
          </span>
        </button>
      )}
      <div class="topbar">
        {view.phase === "unknown" ? (
          <span class="spacer" />
        ) : (
          <a class="embed-title" href={`/watch/${stream}`} target="_blank" rel="noopener">
            <bdi>{about.title}</bdi>
            <span class="sr">: watch on its own page</span>
          </a>
        )}
        <Badge view={view} />
      </div>
      {!isOffered && (
        <Overlay about={about} view={view} place={props.place} clock={props.clock} dispatch={dispatch} isFramed />
      )}
      <Prompts view={view} muted={props.muted} onUnmute={props.onUnmute} dispatch={dispatch} />
      {!isOffered && view.autoplay === "blocked" && (
        <button type="button" class="play-big" onClick={props.onPlay} aria-label="Play">
          <PlayIcon />
        </button>
      )}
      {playing && (
        <media-rendition-menu hidden anchor="auto" aria-label="Quality">
          <span slot="header" hidden />
        </media-rendition-menu>
      )}
      {playing && <EmbedControls live={view.phase !== "replay"} clock={props.clock} readStats={props.readStats} />}
    </>
  );
}

type EmbedControlsProps = Pick<EmbedAppProps, "clock" | "readStats"> & { readonly live: boolean };

function EmbedControls({ live, clock, readStats }: EmbedControlsProps): VNode {
  return (
    <div class="controls">
      {!live && <media-time-range class="range" />}
      <media-control-bar class="bar">
        <media-play-button />
        <media-mute-button />
        <media-volume-range />
        {live ? <media-live-button /> : <media-time-display showduration />}
        {live && <DelayShown clock={clock} stats={readStats} />}
        <span class="spacer" />
        <media-rendition-menu-button>
          <span slot="icon" class="tool-icon">
            <GearIcon />
          </span>
        </media-rendition-menu-button>
        <media-fullscreen-button />
      </media-control-bar>
    </div>
  );
}
