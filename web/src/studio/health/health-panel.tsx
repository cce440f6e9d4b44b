/** The studio section "Health": the encoder's state in one sentence, what to do, and charts. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import type { Platform } from "../../../../core/kit/clock.ts";
import type { StreamName } from "../../../../core/kit/ids.ts";
import { Chart } from "../chart.tsx";
import { OperatorTokenForm } from "../fields.tsx";
import { type ListedCheck, SEVERITY_LABELS } from "./check-list.ts";
import { ENCODER_CHARTS, INGEST_CHARTS } from "./health-charts.ts";
import { HealthController } from "./health-controller.ts";
import { describeVerdict } from "./health-verdict.ts";
import { HistoryPanel } from "./history-panel.tsx";
import { Picture } from "./picture.tsx";
import { QualityPanel } from "./quality-panel.tsx";

interface HealthPanelProps {
  readonly stream: StreamName;
  /** The live broadcast, whoever publishes it; null without one. */
  readonly broadcast: string | null;
  readonly platform: Platform;
}

/** The section of one stream, for its hosts and the operator. */
export function HealthPanel({ stream, broadcast, platform }: HealthPanelProps): VNode {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => new HealthController(stream, platform, () => redraw(null)));
  useEffect(() => {
    void desk.start();
    return () => desk.stop();
  }, [desk]);
  return (
    <section class="panel" aria-labelledby="health">
      <h2 id="health">Health</h2>
      {desk.needsToken ? (
        <div class="health">
          <OperatorTokenForm
            about="Enter the operator’s or a host’s token to see the encoder’s health."
            label="Token for the health"
            placeholder="Operator’s or host’s token"
            desk={desk}
          />
        </div>
      ) : (
        <div class="health-columns">
          <Health desk={desk} isLive={broadcast !== null} />
          {broadcast !== null && <Picture key={broadcast} stream={stream} platform={platform} />}
          <HealthCharts desk={desk} />
          <QualityPanel desk={desk} />
          <HistoryPanel desk={desk} />
        </div>
      )}
    </section>
  );
}

function Health({ desk, isLive }: { desk: HealthController; isLive: boolean }): VNode | null {
  const { answer, checks } = desk;
  if (answer === null) return null;
  const { word, sentence } = describeVerdict(answer, isLive);
  return (
    <div class={`health health-${answer.reportedMs === null ? "none" : answer.state}`}>
      <p class="health-verdict" role="status">
        <strong>{word}</strong> <span>{sentence}</span>
      </p>
      <p class="health-away" role="status" hidden={!desk.isAway}>
        The edge does not respond. Retrying; this is the last known state.
      </p>
      {checks.length > 0 && (
        <ul class="health-checks" aria-label="Checks">
          {checks.map((each) => (
            <CheckRow key={each.check.id} of={each} />
          ))}
        </ul>
      )}
      <p class="sr" role="status">
        {desk.announced}
      </p>
    </div>
  );
}

function CheckRow({ of: { check, clearedMs } }: { of: ListedCheck }): VNode {
  const { id, severity, say, fix, sinceMs } = check;
  const isOver = clearedMs !== null;
  return (
    <li class={isOver ? "health-check health-over" : `health-check health-${severity}`} data-check={id}>
      <p class="health-label">
        <strong>{isOver ? "Over" : SEVERITY_LABELS[severity]}</strong>{" "}
        <span>
          {isOver ? "at" : "since"} {formatTime(clearedMs ?? sinceMs)}
        </span>
      </p>
      <div>
        <p>{say}</p>
        {!isOver && <p class="health-fix">{fix}</p>}
      </div>
    </li>
  );
}

/** Charts of what the sender's protocol and the encoder tell; the others are named. */
function HealthCharts({ desk }: { desk: HealthController }): VNode | null {
  const { history, answer } = desk;
  if (answer === null || answer.reportedMs === null) return null;
  const all = [...INGEST_CHARTS, ...ENCODER_CHARTS].map((spec) => ({
    spec,
    columns: history.columns(spec.series.map(({ read }) => read)),
  }));
  const isKnown = ({ columns: [, ...values] }: (typeof all)[number]): boolean =>
    values.some((column) => column.some((value) => value !== null));
  const known = all.filter(isKnown);
  const unknown = all.filter((each) => !isKnown(each) && INGEST_CHARTS.includes(each.spec));
  return (
    <div class="health-figures">
      <div class="charts">
        {known.map(({ spec, columns }) => (
          <Chart key={spec.id} spec={spec} columns={columns} />
        ))}
      </div>
      {unknown.length > 0 && (
        <p class="health-unknown">
          {known.length === 0
            ? "No figures yet."
            : `Not told for this encoder: ${unknown.map(({ spec }) => spec.title.toLowerCase()).join(", ")}.`}
        </p>
      )}
    </div>
  );
}

/** `14:03:27`, in the local time zone. */
function formatTime(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}
