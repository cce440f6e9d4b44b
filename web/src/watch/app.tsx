/** The page around the picture. */
import type { VNode } from "preact";
import type { Clock } from "../../../core/kit/clock.ts";
import { ChatIcon, CloseIcon, PeopleIcon, PlayIcon, SoundOffIcon } from "../kit/icons.tsx";
import type { DelayWish, FlowObstacle } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { PlaybackStats } from "../player/stats.ts";
import type { AudienceCount } from "../player/status.ts";
import { hasNewerBroadcast, type WatchEvent, type WatchView } from "../player/watch-state.ts";
import type { StreamAbout } from "./about.ts";
import { Controls } from "./controls.tsx";
import { DelayMenu } from "./delay-menu.tsx";
import { FallbackNote } from "./delay-shown.tsx";
import { overlayMessage } from "./overlay-message.ts";
import { StatsPanel } from "./stats-panel.tsx";

interface WatchAppProps {
  readonly about: StreamAbout;
  readonly view: WatchView;
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
}

/** Everything over the picture: top bar, message, prompts, statistics, controls. */
export function WatchApp(props: WatchAppProps): VNode {
  const { about, view, stats, dispatch } = props;
  const playing = view.phase === "live" || view.phase === "replay" || view.phase === "reconnecting";
  return (
    <>
      <TopBar {...props} />
      <Overlay about={about} view={view} dispatch={dispatch} />
      {stats !== null && <StatsPanel stats={stats} onClose={props.onPanel} />}
      <div class="prompts">
        {playing && view.autoplay === "muted" && props.muted && (
          <button type="button" class="pill pill-strong" onClick={props.onUnmute}>
            <SoundOffIcon /> Tap for sound
          </button>
        )}
        {hasNewerBroadcast(view) && (
          <button type="button" class="pill pill-live" onClick={() => dispatch({ type: "watchLive" })}>
            <span class="dot" /> Live again: watch now
          </button>
        )}
      </div>
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

function TopBar({ about, view, audience, chat, onChat }: WatchAppProps): VNode {
  const counted = view.phase === "live" || view.phase === "reconnecting" || view.phase === "starting";
  return (
    <div class="topbar">
      <h1 class="who">
        <span class="avatar" aria-hidden="true">
          {[...about.title][0] ?? "?"}
        </span>
        <bdi class="name">{about.title || "No name"}</bdi>
      </h1>
      <Badge view={view} />
      <span class="spacer" />
      {counted && audience !== null && (
        <span class="chip" title={`Watching now; peak ${formatCount(audience.peak)}`}>
          <PeopleIcon />
          <span class="sr">Watching now: </span>
          {formatCount(audience.watching)}
        </span>
      )}
      {chat === false && (
        <button type="button" class="chip chip-round" aria-label="Show chat" title="Show chat" onClick={onChat}>
          <ChatIcon />
        </button>
      )}
      <a class="chip chip-round" href="/" aria-label="Back to the start page">
        <CloseIcon />
      </a>
    </div>
  );
}

function Badge({ view }: { view: WatchView }): VNode | null {
  switch (view.phase) {
    case "live":
      return view.source?.state === "ended" ? null : <span class="badge badge-live">LIVE</span>;
    case "reconnecting":
      return <span class="badge badge-away">LIVE</span>;
    case "replay":
      return <span class="badge">RECORDING</span>;
    case "ended":
      return <span class="badge">ENDED</span>;
    default:
      return null;
  }
}

function Overlay({ about, view, dispatch }: Pick<WatchAppProps, "about" | "view" | "dispatch">): VNode {
  const message = overlayMessage(view, about);
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
          {view.phase === "unknown" && (
            <a class="pill pill-strong" href="/">
              Find a stream
            </a>
          )}
        </div>
      )}
    </div>
  );
}

/** 950, 1.2K, 3.4M. */
function formatCount(viewers: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(viewers);
}
