/** One chart: uPlot's canvas, and its values as text. */
import "uplot/dist/uPlot.min.css";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { type AnyChartSpec, describeChart } from "./charts.ts";
import { type ChartColumns, HISTORY_LIMITS } from "./sample-history.ts";

/** Lines differ in colour and dashes, for readers with colour blindness. */
const LINES = [
  { stroke: "#6cc4ff", dash: [] },
  { stroke: "#ffb454", dash: [7, 4] },
  { stroke: "#c39bff", dash: [2, 3] },
] as const;

const HEIGHT = 168;

/** The minimum length of the time axis. */
const MIN_SPAN_S = 120;

/** The time that a chart shows. */
export interface ChartPeriod {
  /** As its description says it. */
  readonly words: string;
  /** Charts with the same key point at the same time. */
  readonly syncKey: string;
  /** The ends of the time axis for values from `oldest` to `newest`, seconds since the epoch. */
  readonly range: (oldest: number, newest: number) => [number, number];
}

/** A page that just opened shows a shorter axis: some seconds are not readable within ten minutes. */
const LAST_MINUTES: ChartPeriod = {
  words: "the last 10 minutes",
  syncKey: "studio",
  range: (oldest, newest) => [
    Math.max(newest - HISTORY_LIMITS.spanMs / 1000, Math.min(oldest, newest - MIN_SPAN_S)),
    newest,
  ],
};

interface ChartProps {
  readonly spec: AnyChartSpec;
  readonly columns: ChartColumns;
  readonly period?: ChartPeriod;
}

/** The chart of `columns`; its legend shows the latest values, or those under the pointer. */
export function Chart({ spec, columns, period = LAST_MINUTES }: ChartProps): VNode {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [times, ...values] = columns;

  useEffect(() => {
    const box = host.current;
    if (box === null) return undefined;
    const made = new uPlot(optionsOf(spec, period, box.clientWidth, setPointed), columns, box);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: HEIGHT }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [spec, period]);
  useEffect(() => plot.current?.setData(columns), [columns]);

  const index = pointed !== null && pointed < times.length ? pointed : times.length - 1;
  const empty = values.every((column) => column.every((value) => value === null));
  return (
    <figure class="chart" id={`chart-${spec.id}`}>
      <figcaption>
        <h3>{spec.title}</h3>
        <p class="about">{pointed === null ? spec.about : `at ${formatClock(times[index] ?? 0)}`}</p>
        <Legend spec={spec} values={values.map((column) => column[index] ?? null)} />
      </figcaption>
      <div class="plot" role="img" aria-label={describeChart(spec, values, period.words)}>
        <div ref={host} />
        {empty && <p class="nothing">No data yet</p>}
      </div>
    </figure>
  );
}

function Legend({ spec, values }: { spec: AnyChartSpec; values: readonly (number | null)[] }): VNode {
  const { series, format } = spec;
  return (
    <ul class="legend">
      {series.map(({ label }, index) => {
        const value = values[index] ?? null;
        return (
          <li key={label} hidden={series.length > 1 && value === null}>
            {series.length > 1 && <span class={`swatch swatch-${index}`} aria-hidden="true" />}
            <span class={series.length > 1 ? "label" : "sr"}>{label}</span>
            <strong>{value === null ? "–" : format(value)}</strong>
          </li>
        );
      })}
    </ul>
  );
}

function optionsOf(
  spec: AnyChartSpec,
  period: ChartPeriod,
  width: number,
  point: (index: number | null) => void,
): uPlot.Options {
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: "#9aa0ae", font, ticks: { show: false }, grid: { stroke: "#ffffff14", width: 1 } } as const;
  const tick = spec.tick ?? spec.format;
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: period.syncKey }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
    scales: {
      x: { time: true, range: (_, oldest, newest) => period.range(oldest, newest) },
      y: { range: (_, least, most) => [...spec.range(least ?? 0, most ?? 0)] as uPlot.Range.MinMax },
    },
    axes: [
      { ...axis, size: 28, space: 72, values: (_, at) => formatClocks(at) },
      { ...axis, size: 52, space: 36, values: (_, at) => at.map(tick) },
    ],
    series: [
      {},
      ...spec.series.map((_, index) => {
        const { stroke, dash } = LINES[index % LINES.length] ?? LINES[0];
        const fill = spec.series.length === 1 ? { fill: `${stroke}26` } : {};
        return { stroke, dash: [...dash], width: 2, points: { show: false }, ...fill };
      }),
    ],
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
  };
}

/** The labels of the time axis, without seconds if all are whole minutes. */
function formatClocks(atS: readonly number[]): string[] {
  const whole = atS.every((time) => time % 60 === 0);
  return atS.map((time) => formatClock(time).slice(0, whole ? 5 : 8));
}

/** `14:03:27`, in the local time zone. */
function formatClock(atS: number): string {
  return new Date(atS * 1000).toTimeString().slice(0, 8);
}
