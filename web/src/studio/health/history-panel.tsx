/** The studio section "Last 30 days": a stream's broadcasts with a verdict each; an opened one has its charts and checks. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { HistorySample } from "../../../../core/ingest/health/health-history.ts";
import { NO_MEASURES } from "../../../../core/ingest/health/health-measures.ts";
import { Chart, type ChartPeriod } from "../chart.tsx";
import type { ChartSpec } from "../charts.ts";
import { formatUptime } from "../format.ts";
import { type ChartColumns, SampleHistory } from "../sample-history.ts";
import { SEVERITY_LABELS } from "./check-list.ts";
import type { MeasuredSample } from "./health-answer.ts";
import { INGEST_CHARTS, VIEWER_CHARTS } from "./health-charts.ts";
import type { HealthController } from "./health-controller.ts";
import type { HistoryAnswer, PastBroadcast } from "./history-answer.ts";
import { describePastBroadcast, listPastLines, type PastLine } from "./history-text.ts";

/** A range of the history: not asked for, asked for, refused or unreachable, or here. */
type LoadedHistory = HistoryAnswer | "closed" | "loading" | "failed";

/** A lost encoder is told of a little later, and one connects a little earlier, than the broadcast ends and begins. */
const MARGIN_MS = 60_000;
/** The shortest time axis. */
const MIN_AXIS_S = 600;
/** A line has a gap where more than one sample is missing. */
const GAP_STEPS = 2.5;

const WHOLE_BROADCAST: ChartPeriod = {
  words: "the broadcast",
  syncKey: "history",
  range: (oldest, newest) => [oldest, Math.max(newest, oldest + MIN_AXIS_S)],
};

type ShownSample = MeasuredSample & HistorySample;

const STEADY: readonly string[] = ["ingest-bitrate", "ingest-frame-rate"];

/** The live charts; what a sample means is another. */
const PAST_CHARTS: readonly ChartSpec<ShownSample>[] = [
  ...VIEWER_CHARTS.map((spec) => ({ ...spec, id: `past-${spec.id}` })),
  ...INGEST_CHARTS.map((spec) => ({
    ...spec,
    id: `past-${spec.id}`,
    about: STEADY.includes(spec.id) ? "mean" : "at most",
  })),
];

/** The section, which asks for the history when it is opened. */
export function HistoryPanel({ desk }: { desk: HealthController }): VNode {
  const [history, setHistory] = useState<LoadedHistory>("closed");
  const load = (): void => {
    setHistory("loading");
    void desk.readHistory(null, null).then((answer) => setHistory(answer ?? "failed"));
  };
  return (
    <details class="internals history" onToggle={({ currentTarget: { open } }) => open && load()}>
      <summary>Last 30 days</summary>
      {typeof history === "string" ? (
        <Progress of={history} retry={load} />
      ) : history.broadcasts.length === 0 ? (
        <p class="history-note">Nothing was broadcast.</p>
      ) : (
        <>
          <ul class="history-list" aria-label="Broadcasts of the last 30 days">
            {history.broadcasts.map((each) => (
              <BroadcastRow key={each.broadcast} of={each} desk={desk} />
            ))}
          </ul>
          {history.isCut && <p class="history-note">Older ones are not shown.</p>}
        </>
      )}
    </details>
  );
}

function Progress({ of, retry }: { of: "closed" | "loading" | "failed"; retry: () => void }): VNode {
  if (of !== "failed") return <p class="history-note">{of === "loading" ? "Loading…" : ""}</p>;
  return (
    <p class="history-note" role="status">
      The edge does not tell the history.{" "}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

function BroadcastRow({ of, desk }: { of: PastBroadcast; desk: HealthController }): VNode {
  const [history, setHistory] = useState<LoadedHistory>("closed");
  const { startedMs, endedMs, peakViewers } = of;
  const { state, word, sentence } = describePastBroadcast(of);
  const load = (): void => {
    setHistory("loading");
    const toMs = endedMs === null ? null : endedMs + MARGIN_MS;
    void desk.readHistory(startedMs - MARGIN_MS, toMs).then((answer) => setHistory(answer ?? "failed"));
  };
  return (
    <li class={`health health-${state}`}>
      <details name="past-broadcast" onToggle={({ currentTarget: { open } }) => (open ? load() : setHistory("closed"))}>
        <summary>
          <strong>{word}</strong> <span>{sentence}</span>
          <span class="history-time">
            {formatDay(startedMs)}, {endedMs === null ? "on the air" : formatUptime(endedMs - startedMs)}
            {viewersText(peakViewers)}
          </span>
        </summary>
        {typeof history === "string" ? <Progress of={history} retry={load} /> : <BroadcastHistory history={history} />}
      </details>
    </li>
  );
}

function BroadcastHistory({ history }: { history: HistoryAnswer }): VNode {
  // Charts are drawn again where their columns are others.
  const [charts] = useState(() => columnsOf(history));
  return (
    <>
      {charts.length > 0 && (
        <div class="charts">
          {charts.map(([spec, columns]) => (
            <Chart key={spec.id} spec={spec} columns={columns} period={WHOLE_BROADCAST} />
          ))}
        </div>
      )}
      <ul class="health-checks" aria-label="What happened">
        {listPastLines(history).map((line) => (
          <LineRow key={`${line.atMs} ${line.text}`} of={line} />
        ))}
      </ul>
      {history.isCut && <p class="history-note">Earlier checks and connections are not shown.</p>}
    </>
  );
}

function LineRow({ of: { atMs, severity, text } }: { of: PastLine }): VNode {
  return (
    <li class={`health-check health-${severity ?? "event"}`}>
      <p class="health-label">
        <strong>{severity === null ? "Event" : SEVERITY_LABELS[severity]}</strong>{" "}
        <span>{new Date(atMs).toTimeString().slice(0, 8)}</span>
      </p>
      <p>{text}</p>
    </li>
  );
}

/** The charts of what is known. */
function columnsOf({ samples, stepMs }: HistoryAnswer): (readonly [ChartSpec<ShownSample>, ChartColumns])[] {
  const limits = { spanMs: Number.POSITIVE_INFINITY, samples: samples.length + 1, gapMs: GAP_STEPS * stepMs };
  const shown = new SampleHistory<ShownSample>(limits);
  for (const sample of samples) shown.add({ ...NO_MEASURES, ...sample });
  return PAST_CHARTS.map((spec) => [spec, shown.columns(spec.series.map(({ read }) => read))] as const).filter(
    ([, [, ...values]]) => values.some((column) => column.some((value) => value !== null)),
  );
}

const viewersText = (peak: number): string =>
  peak === 0 ? "" : peak === 1 ? ", 1 viewer" : `, at most ${peak} viewers`;

/** `1 Dec, 14:03`, in the local time zone. */
function formatDay(atMs: number): string {
  const time = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return new Intl.DateTimeFormat("en-GB", time).format(atMs);
}
