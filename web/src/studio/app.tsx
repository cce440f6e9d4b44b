/** The studio: a function of the view, one component a section. */
import type { ComponentChildren, VNode } from "preact";
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import { parseStreamName } from "../../../core/kit/ids.ts";
import { readSiteName } from "../kit/site-name.ts";
import { loadViewerToken, signOut } from "../kit/viewer-session.ts";
import { Chart } from "./chart.tsx";
import { AUDIENCE_CHARTS, type ChartSpec, EDGE_CHARTS } from "./charts.ts";
import { DetailsPanel } from "./details/details-panel.tsx";
import { describeStudioPhase, type StudioPhase } from "./format.ts";
import { GoLivePanel } from "./golive/go-live-panel.tsx";
import { HealthPanel } from "./health/health-panel.tsx";
import type { StudioSample } from "./rate-window.ts";
import { RoomPanel } from "./room/room-panel.tsx";
import type { SampleHistory } from "./sample-history.ts";
import { StopPanel } from "./stop/stop-panel.tsx";
import { STUDIO_TAB_WORDS, STUDIO_TABS, type StudioTab } from "./studio-tabs.ts";
import { TabList } from "./tab-list.tsx";
import { TiersTable, TracksTable } from "./tables.tsx";
import { BroadcastTiles, EdgeTiles } from "./tiles.tsx";

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
  /** Where hosts sign in to an account of the edge; null without such a sign-in. */
  readonly signInUrl: string | null;
  readonly tab: StudioTab;
  readonly onTab: (tab: StudioTab) => void;
}

/** A status older than this is stale: the stream's object reports every 2 s. */
const STALE_MS = 10_000;

export function StudioApp({ view }: { view: StudioView }): VNode {
  const { status, name, phase, tab } = view;
  const stream = parseStreamName(name);
  const latest = view.history.latest;
  return (
    <>
      <Heading view={view} />
      <main>
        <Note view={view} />
        <Anomalies found={view.anomalies} />
        {status !== null && <BroadcastTiles status={status} latest={latest} nowMs={view.nowMs} />}
        {stream !== null && (
          <>
            <TabList
              label="Studio"
              tabs={STUDIO_TABS}
              open={tab}
              words={STUDIO_TAB_WORDS}
              idPrefix="studio"
              panelId={panelId}
              onOpen={view.onTab}
            />
            <TabPanel tab="golive" open={tab}>
              <GoLivePanel stream={stream} />
              <StopPanel stream={name} clock={view.platform.clock} reason={status?.stop?.reason ?? null} />
            </TabPanel>
            <TabPanel tab="room" open={tab}>
              <RoomPanel stream={name} platform={view.platform} />
            </TabPanel>
            <TabPanel tab="details" open={tab}>
              <DetailsPanel stream={stream} />
            </TabPanel>
            <TabPanel tab="health" open={tab}>
              <HealthPanel stream={stream} broadcast={liveBroadcast(view)} platform={view.platform} />
              {phase === "none" && (
                <p class="note">
                  Publish to <code>{name}</code> to see its figures here.
                </p>
              )}
              {status !== null && <Charts view={view} title="Last 10 minutes" specs={AUDIENCE_CHARTS} />}
              {status !== null && (
                <details class="internals">
                  <summary>Edge internals</summary>
                  <EdgeTiles status={status} latest={latest} />
                  <Charts view={view} title="The edge’s last 10 minutes" specs={EDGE_CHARTS} />
                  <div class="tables">
                    <TracksTable status={status} />
                    <TiersTable status={status} />
                  </div>
                </details>
              )}
            </TabPanel>
          </>
        )}
      </main>
    </>
  );
}

const panelId = (tab: StudioTab): string => `panel-${tab}`;

/** All panels are kept: the room stays connected, and what was typed stays. */
function TabPanel({ tab, open, children }: { tab: StudioTab; open: StudioTab; children: ComponentChildren }): VNode {
  return (
    <div id={panelId(tab)} class="tab-panel" role="tabpanel" aria-labelledby={`studio-${tab}`} hidden={tab !== open}>
      {children}
    </div>
  );
}

function Charts({ view, title, specs }: { view: StudioView; title: string; specs: readonly ChartSpec[] }): VNode {
  const id = `charts-${specs[0]?.id ?? ""}`;
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <div class="charts">
        {specs.map((spec) => (
          <Chart key={spec.id} spec={spec} columns={view.history.columns(spec.series.map(({ read }) => read))} />
        ))}
      </div>
    </section>
  );
}

/** The live broadcast, or null. */
function liveBroadcast({ phase, status }: StudioView): string | null {
  return phase === "live" ? (status?.broadcast ?? null) : null;
}

function Heading({ view: { name, phase, signInUrl } }: { view: StudioView }): VNode {
  const { badge } = describeStudioPhase(phase, name);
  return (
    <header class="site">
      <a href="/" class="brand">
        {readSiteName()}
      </a>
      <h1>
        <span class="avatar" aria-hidden="true">
          {[...name][0] ?? "?"}
        </span>
        <span class="name">{name || "No name"}</span>
        {badge !== "" && <span class={`badge badge-${phase}`}>{badge}</span>}
      </h1>
      <a class="overview-link" href="/studio" aria-label="All streams">
        Streams
      </a>
      {phase !== "unknown" && (
        <a class="watch-link" href={`/watch/${name}`}>
          Watch
        </a>
      )}
      {signInUrl !== null && <AccountLink stream={name} signInUrl={signInUrl} />}
    </header>
  );
}

/** Leads to the edge's sign-in, or forgets the tab's token. */
function AccountLink({ stream, signInUrl }: { readonly stream: string; readonly signInUrl: string }): VNode {
  return loadViewerToken(stream) === null ? (
    <a class="watch-link" href={signInUrl}>
      Sign in
    </a>
  ) : (
    <button type="button" class="plain-button" onClick={() => signOut(stream)}>
      Sign out
    </button>
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
