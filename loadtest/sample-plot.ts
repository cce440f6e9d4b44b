/** Charts of a load report: lines over time, as SVG; pure. */
import { escapeHtml } from "../core/kit/escape-html.ts";

const WIDTH = 720;
const HEIGHT = 180;
const COLOURS = ["#3d7eff", "#ff7a45", "#2fb380", "#b06cff", "#888"];

/** One line: a value per sample. */
export interface SampleLine {
  readonly name: string;
  readonly values: readonly number[];
}

/** Lines over `at`, the samples' times in seconds. */
export function renderSamplePlot(at: readonly number[], lines: readonly SampleLine[]): string {
  const most = Math.max(1e-9, ...lines.flatMap(({ values }) => values));
  const end = Math.max(1, at.at(-1) ?? 1);
  const x = (s: number): string => (40 + (s / end) * (WIDTH - 50)).toFixed(1);
  const y = (value: number): string => (HEIGHT - 20 - (value / most) * (HEIGHT - 40)).toFixed(1);
  const paths = lines.map(({ name, values }, index) => {
    const points = values.map((value, i) => `${x(at[i] ?? 0)},${y(value)}`).join(" ");
    const colour = COLOURS[index % COLOURS.length];
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points}"/><text x="${50 + index * 90}" y="12" style="fill:${colour}">${escapeHtml(name)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><line x1="40" x2="${WIDTH - 10}" y1="${HEIGHT - 20}" y2="${HEIGHT - 20}" stroke="currentColor" opacity=".3"/>
<text x="2" y="24">${formatTick(most)}</text><text x="2" y="${HEIGHT - 16}">0</text><text x="${WIDTH - 40}" y="${HEIGHT - 4}">${end.toFixed(0)} s</text>${paths.join("")}</svg>`;
}

const formatTick = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
