/** The studio: a function of the view, one component a section. */
import type { VNode } from "preact";
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { parseStreamName } from "../../../core/kit/ids.ts";
import { formatCount } from "../kit/number-text.ts";
import { Chart } from "./chart.tsx";
import { STUDIO_CHARTS } from "./charts.ts";
import { DetailsPanel } from "./details/details-panel.tsx";
import {
  describeStudioPhase,
  formatBitRate,
  formatDuration,
  formatPercent,
  formatRate,
  formatRatio,
  formatUptime,
  type StudioPhase,
} from "./format.ts";
import { GoLivePanel } from "./golive/go-live-panel.tsx";
import { HealthPanel } from "./health/health-panel.tsx";
import { onAirDurationMs, type StudioSample } from "./rate-window.ts";
import { RoomPanel } from "./room/room-panel.tsx";
import type { SampleHistory } from "./sample-history.ts";
import { StopPanel } from "./stop/stop-panel.tsx";
import { TiersTable, TracksTable } from "./tables.tsx";

/** What the page shows. */
export interface StudioView {
  readonly name: string;
  readonly phase: StudioPhase;
  /** The last status; null before the first broadcast. */
  readonly status: StreamStatus | null;
  readonly history: SampleHistory<StudioSample>;
  readonly platform: Platform;
  /** The server's clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** The last request to the API failed. */
  readonly isFailing: boolean;
  /** Signs of invented viewers in the counts. */
  readonly anomalies: readonly string[];
}

/** A status older than this is stale: the stream's object reports every 2 s. */
const STALE_MS = 10_000;

export function StudioApp({ view }: { view: StudioView }): VNode {
  const { status, name } = view;
  const stream = parseStreamName(name);
  return (
    <>
      <Heading view={view} />
      <main>
        <Note view={view} />
        <Anomalies found={view.anomalies} />
        {status !== null && <Tiles view={view} status={status} />}
        {stream !== null && <HealthPanel stream={stream} broadcast={liveBroadcast(view)} platform={view.platform} />}
        {stream !== null && <GoLivePanel stream={stream} />}
        {stream !== null && <DetailsPanel stream={stream} />}
        {view.phase !== "unknown" && (
          <StopPanel stream={name} clock={view.platform.clock} reason={status?.stop?.reason ?? null} />
        )}
        {view.phase !== "unknown" && <RoomPanel stream={name} platform={view.platform} />}
        {status !== null && (
          <>
            <section class="panel" aria-labelledby="charts">
              <h2 id="charts">Last 10 minutes</h2>
              <div class="charts">
                {STUDIO_CHARTS.map((spec) => (
                  <Chart
                    key={spec.id}
                    spec={spec}
                    columns={view.history.columns(spec.series.map(({ read }) => read))}
                  />
                ))}
              </div>
            </section>
            <div class="tables">
              <TracksTable status={status} />
              <TiersTable status={status} />
            </div>
          </>
        )}
        {view.phase === "none" && (
          <p class="waiting">
            <span class="spinner" aria-hidden="true" />
            <span>
              Publish to <code>{name}</code> to see its figures here.
            </span>
          </p>
        )}
      </main>
    </>
  );
}

/** The live broadcast, or null. */
function liveBroadcast({ phase, status }: StudioView): string | null {
  return phase === "live" ? (status?.broadcast ?? null) : null;
}

function Heading({ view: { name, phase } }: { view: StudioView }): VNode {
  const { badge } = describeStudioPhase(phase, name);
  return (
    <header class="site">
      <a href="/" class="brand">
        Corral
      </a>
      <h1>
        <span class="avatar" aria-hidden="true">
          {[...name][0] ?? "?"}
        </span>
        <span class="name">{name || "No name"}</span>
        {badge !== "" && <span class={`badge badge-${phase}`}>{badge}</span>}
      </h1>
      {phase !== "unknown" && (
        <a class="watch-link" href={`/watch/${name}`}>
          Watch
        </a>
      )}
    </header>
  );
}

/** The current problem in one sentence, announced when it changes. */
function Note({ view: { phase, name, status, nowMs, isFailing } }: { view: StudioView }): VNode {
  const stale = status !== null && phase !== "ended" && phase !== "stopped" && nowMs - status.at > STALE_MS;
  const note = isFailing
    ? "The edge does not respond. Retrying; the figures are the last known ones."
    : stale
      ? "No recent data from the stream’s Live object. The figures are the last known ones."
      : describeStudioPhase(phase, name).note;
  return (
    <p class={`note note-${isFailing || stale ? "trouble" : phase}`} role="status" hidden={note === null}>
      {note}
    </p>
  );
}

/** Counts that viewers cannot explain. */
function Anomalies({ found }: { found: readonly string[] }): VNode {
  return (
    <ul class="anomalies" role="status" aria-label="Anomalies in the viewer counts" hidden={found.length === 0}>
      {found.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

function Tiles({ view, status }: { view: StudioView; status: StreamStatus }): VNode {
  const latest = view.history.latest;
  const { tracks, viewers, children } = status;
  const renditions = tracks.filter(({ kind }) => kind === "video").length;
  const shown = <T,>(value: T | null | undefined, format: (value: T) => string): string =>
    value === null || value === undefined ? "–" : format(value);
  const total = tracks.reduce((sum, { bandwidth }) => sum + bandwidth, 0);
  return (
    <section class="panel" aria-labelledby="now">
      <h2 id="now" class="sr">
        Now
      </h2>
      <dl class="tiles">
        <Tile
          name="On air"
          value={formatUptime(onAirDurationMs(status, view.nowMs))}
          more={`since ${formatSince(status.startedAt, view.nowMs)}`}
        />
        <Tile name="Viewers" value={formatCount(viewers.watching ?? viewers.current)} more={describeViewers(viewers)} />
        <Tile name="Requests" value={`${formatRate(status.requestsPerSecond)}/s`} more="from viewers" />
        <Tile name="Delay" value={shown(latest?.delayS, formatDuration)} more="newest media" />
        <Tile name="Hit ratio" value={shown(latest?.hitRatio.isolate, formatPercent)} more="in the isolates" />
        <Tile name="Fetches/object" value={shown(latest?.crossings.isolate, formatRatio)} more="into the isolates" />
        <Tile
          name="Media"
          value={formatBitRate(total)}
          more={`${renditions} video, ${tracks.length - renditions} audio`}
        />
        <Tile name="Children" value={formatCount(children)} more="fed by the object" />
      </dl>
    </section>
  );
}

function Tile({ name, value, more }: { name: string; value: string; more: string }): VNode {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      <dd class="more">{more}</dd>
    </div>
  );
}

function describeViewers({ peak, distinct }: StreamStatus["viewers"]): string {
  return distinct === undefined
    ? `peak ${formatCount(peak)}`
    : `peak ${formatCount(peak)}, ${formatCount(distinct)} in total`;
}

/** `14:03`, with the date before today. */
function formatSince(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = at.toTimeString().slice(0, 5);
  return at.toDateString() === new Date(nowMs).toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}
