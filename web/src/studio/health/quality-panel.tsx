/** The studio section "Viewers' quality": what sampled viewers reported, in a sentence and by country, device and rendition. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { QUALITY_DIMENSIONS, type QualityDimension, type QualityRow } from "../../../../core/quality/quality-tally.ts";
import { formatCount } from "../../kit/number-text.ts";
import { DataTable, type TableColumn } from "../data-table.tsx";
import { formatDuration, formatRate } from "../format.ts";
import type { HealthController } from "./health-controller.ts";
import type { QualityAnswer } from "./quality-answer.ts";
import { describeQualityRow, formatHourly, formatPercentiles, nameQualityRow, QUALITY_TITLES } from "./quality-text.ts";

const PERIODS = [
  ["24 hours", 1],
  ["7 days", 7],
  ["30 days", 30],
] as const;
const DAY_MS = 86_400_000;

/** The section, which asks for the sums when it is opened, and for another period. */
export function QualityPanel({ desk }: { desk: HealthController }): VNode {
  const [days, setDays] = useState<number>(1);
  const [quality, setQuality] = useState<QualityAnswer | "loading" | "failed">("loading");
  const requests = useRef(0);
  const load = (period: number): void => {
    setDays(period);
    setQuality("loading");
    requests.current += 1;
    const request = requests.current;
    void desk.readQuality(period * DAY_MS).then((answer) => {
      // A longer period may be answered after one that was chosen later.
      if (request === requests.current) setQuality(answer ?? "failed");
    });
  };
  return (
    <details class="internals history" onToggle={({ currentTarget: { open } }) => open && load(days)}>
      <summary>Viewers’ quality</summary>
      <label class="inline-form quality-period">
        Period
        <select value={String(days)} onChange={({ currentTarget: { value } }) => load(Number(value))}>
          {PERIODS.map(([label, period]) => (
            <option key={period} value={String(period)}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {typeof quality === "string" ? (
        <p class="history-note" role="status">
          {quality === "loading" ? "Loading…" : "The edge does not tell the quality."}
        </p>
      ) : (
        <QualityTablesView quality={quality} />
      )}
    </details>
  );
}

function QualityTablesView({ quality }: { quality: QualityAnswer }): VNode {
  return (
    <>
      <p class="history-note">{describeQualityRow(quality.all)}</p>
      {quality.all.viewers > 0 &&
        QUALITY_DIMENSIONS.map((dimension) => (
          <div key={dimension} class="scroll">
            <DataTable
              items={quality[dimension]}
              columns={columnsOf(dimension)}
              keyOf={({ name }) => name}
              rowHeadings
              class={`quality-${dimension}`}
            />
          </div>
        ))}
    </>
  );
}

function columnsOf(dimension: QualityDimension): readonly TableColumn<QualityRow>[] {
  return [
    [QUALITY_TITLES[dimension], ({ name }) => nameQualityRow(dimension, name, countryName)],
    ["Viewers", ({ viewers }) => formatCount(viewers)],
    ["Watched", ({ watchedMs }) => formatDuration(watchedMs / 1000)],
    ["Start (95 %)", ({ startupP50Ms, startupP95Ms }) => formatPercentiles(startupP50Ms, startupP95Ms)],
    ["Delay (95 %)", ({ delayP50Ms, delayP95Ms }) => formatPercentiles(delayP50Ms, delayP95Ms)],
    ["Stalls per hour", ({ stallsPerHour }) => formatHourly(stallsPerHour, formatRate)],
    ["Stalled per hour", ({ stalledSecondsPerHour }) => formatHourly(stalledSecondsPerHour, formatDuration)],
    ["Errors", ({ errors }) => formatCount(errors), ({ errors }) => errors > 0],
  ];
}

const countryNames = new Intl.DisplayNames("en", { type: "region", fallback: "none" });

function countryName(code: string): string | undefined {
  return countryNames.of(code);
}
