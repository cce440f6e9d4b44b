/** The page around the picture. */
import type { VNode } from "preact";
import type { Clock } from "../../../core/kit/clock.ts";
import { PlayIcon } from "../kit/icons.tsx";
import type { DelayWish, FlowObstacle } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { PlaybackStats } from "../player/stats.ts";
import type { AudienceCount } from "../player/status.ts";
import type { WatchEvent, WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";
import { ActionRail } from "./action-rail.tsx";
import { Controls } from "./controls.tsx";
import { DelayMenu } from "./delay-menu.tsx";
import { FallbackNote } from "./delay-shown.tsx";
import { overlayMessage } from "./overlay-message.ts";
import { isPlaying, Prompts } from "./prompts.tsx";
import { placeQuery, type SharedPlace } from "./share-link.ts";
import { StatsPanel } from "./stats-panel.tsx";
import { TopBar } from "./top-bar.tsx";

interface WatchAppProps {
  readonly about: StreamAbout;
  readonly view: WatchView;
  readonly place: SharedPlace;
  readonly audience: AudienceCount | null;
  readonly chat: boolean | null;
  readonly stats: PlaybackStats | null;
  readonly muted: boolean;
  readonly clock: Clock;
  readonly readStats: () => PlaybackStats;
  /** What stands against the least delay that the viewer chose. */
  readonly flowObstacle: FlowObstacle | null;
  readonly dispatch: (event: WatchEvent) => void;
  readonly onUnmute: () => void;
  readonly onPlay: () => void;
  readonly onPanel: () => void;
  /** What the open delay menu shows; null: it is closed. */
  readonly delays: DelayReading | null;
  readonly onDelay: (wish: DelayWish) => void;
  readonly onDelayMenu: (isOpen: boolean) => void;
  readonly onChat: () => void;
  /** Likes of the room; null until the chat knows. */
  readonly likes: number | null;
  readonly onLike: () => void;
  readonly onWholeChat: () => void;
  readonly onShare: () => void;
  readonly onNext: () => void;
  readonly onMore: () => void;
  readonly isFollowed: boolean;
  readonly onFollow: () => void;
  /** A line for some seconds; null without one. */
  readonly toast: string | null;
}

/** Everything over the picture: top bar, message, prompts, statistics, controls. */
export function WatchApp(props: WatchAppProps): VNode {
  const { about, view, stats, dispatch } = props;
  const playing = isPlaying(view);
  return (
    <>
      <TopBar {...props} />
      <Overlay about={about} view={view} place={props.place} clock={props.clock} dispatch={dispatch} />
      {stats !== null && <StatsPanel stats={stats} onClose={props.onPanel} />}
      <Prompts view={view} muted={props.muted} onUnmute={props.onUnmute} dispatch={dispatch} />
      {playing && <FallbackNote clock={props.clock} obstacle={props.flowObstacle} />}
      {view.autoplay === "blocked" && (
        <button type="button" class="play-big" onClick={props.onPlay} aria-label="Play">
          <PlayIcon />
        </button>
      )}
      {playing && (
        <media-rendition-menu hidden anchor="auto" aria-label="Quality">
          {/* In place of the way back to a menu above this one, which there is not: a button is no child of a menu. */}
          <span slot="header" hidden />
        </media-rendition-menu>
      )}
      {playing && props.delays !== null && (
        <DelayMenu delays={props.delays} onChoose={props.onDelay} onClose={() => props.onDelayMenu(false)} />
      )}
      {view.phase !== "stopped" && view.phase !== "unknown" && (
        <ActionRail
          likes={props.chat === true && view.phase !== "replay" ? (props.likes ?? 0) : null}
          onLike={props.onLike}
          onChat={props.chat === true ? props.onWholeChat : null}
          onShare={props.onShare}
          onNext={props.onNext}
          onMore={props.onMore}
        />
      )}
      <p class="toast" role="status">
        {props.toast}
      </p>
      {playing && (
        <Controls
          live={view.phase !== "replay"}
          clock={props.clock}
          readStats={props.readStats}
          onPanel={props.onPanel}
          panel={stats !== null}
          delayMenu={props.delays !== null}
          onDelayMenu={() => props.onDelayMenu(props.delays === null)}
        />
      )}
    </>
  );
}

/** Where to go from a clip or an older recording. */
function OtherPlaces({ place: { broadcast, endS } }: { place: SharedPlace }): VNode | null {
  if (broadcast === null) return null;
  const { pathname } = location;
  return (
    <>
      {endS !== null && (
        <a class="pill" href={pathname + placeQuery({ broadcast, startS: endS, endS: null })}>
          Watch on
        </a>
      )}
      <a class="pill" href={pathname}>
        Go to the stream
      </a>
    </>
  );
}

type OverlayProps = Pick<WatchAppProps, "about" | "view" | "place" | "clock" | "dispatch"> & {
  /** In a page of another site, which stays. */
  readonly isFramed?: boolean;
};

/** The message of a state, with what can be done about it. */
export function Overlay({ about, view, place, clock, dispatch, isFramed = false }: OverlayProps): VNode {
  const message = overlayMessage(view, about, clock.nowMs());
  return (
    <div class="overlay" role="status" aria-live="polite" data-shown={message !== null}>
      {message !== null && (
        <div class="card">
          {message.busy && <span class="spinner" aria-hidden="true" />}
          <p class="title">{message.title}</p>
          {message.detail !== "" && <p class="detail">{message.detail}</p>}
          {view.phase === "ended" && (
            <button type="button" class="pill pill-strong" onClick={() => dispatch({ type: "watchAgain" })}>
              Watch again
            </button>
          )}
          {view.phase === "failed" && (
            <button type="button" class="pill pill-strong" onClick={() => dispatch({ type: "retry" })}>
              Try again
            </button>
          )}
          {(view.phase === "ended" || view.phase === "failed") && <OtherPlaces place={place} />}
          {view.phase === "unknown" && (
            <a class="pill pill-strong" href="/" {...(isFramed ? { target: "_blank", rel: "noopener" } : {})}>
              Find a stream
            </a>
          )}
        </div>
      )}
    </div>
  );
}
