/** Plots as SVG for light and dark pages: text and axes follow the page's colour scheme. */

/** A line of a plot. */
export interface PlotLine {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A plot. */
export interface Plot {
  readonly title: string;
  readonly x: {
    readonly label: string;
    readonly log: boolean;
    readonly ticks: readonly { readonly at: number; readonly text: string }[];
  };
  readonly y: { readonly label: string };
  readonly lines: readonly PlotLine[];
}

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 90;
const RIGHT = 150;
const TOP = 44;
const BOTTOM = 52;
const COLOURS = ["#3d7eff", "#f0722a", "#22a06b", "#a259e6", "#d6a200"];
const STYLE = `text{font:13px system-ui,sans-serif;fill:#3b4250}.title{font-size:16px;font-weight:600}.axis{stroke:#3b4250}.grid{stroke:#8a93a3;stroke-opacity:.3}
@media (prefers-color-scheme:dark){text{fill:#d5dae3}.axis{stroke:#d5dae3}}`;

/** The plot's SVG. */
export function renderPlot({ title, x, y, lines }: Plot): string {
  const of = (value: number): number => (x.log ? Math.log10(value) : value);
  const xs = lines.flatMap(({ points }) => points.map((point) => of(point.x)));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const top = roundCeiling(Math.max(...lines.flatMap(({ points }) => points.map((point) => point.y))));
  const atX = (value: number): number => LEFT + ((of(value) - least) / (most - least || 1)) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = share * top;
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(value)}" y2="${atY(value)}"/><text x="${LEFT - 8}" y="${atY(value) + 4}" text-anchor="end">${value.toLocaleString("en-US")}</text>`;
  });
  const ticks = x.ticks.map(
    ({ at, text }) => `<text x="${atX(at).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${text}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${title}</title><style>${STYLE}</style>
<text class="title" x="${LEFT}" y="22">${title}</text>
${grid.join("\n")}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>
${ticks.join("\n")}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${x.label}</text>
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${y.label}</text>
${lines.map((line, index) => renderLine(line, index, lines, atX, atY)).join("\n")}
</svg>
`;
}

function renderLine(
  { name, points }: PlotLine,
  index: number,
  lines: readonly PlotLine[],
  atX: (x: number) => number,
  atY: (y: number) => number,
): string {
  const colour = COLOURS[index % COLOURS.length];
  const path = points.map(({ x, y }) => `${atX(x).toFixed(1)},${atY(y).toFixed(1)}`).join(" ");
  const dots = points.map(
    ({ x, y }) => `<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="3" fill="${colour}"/>`,
  );
  // Labels are sorted by the ends of their lines, so that they do not overlap.
  const order = lines.toSorted((a, b) => (b.points.at(-1)?.y ?? 0) - (a.points.at(-1)?.y ?? 0));
  const place = order.findIndex((line) => line.name === name);
  const label = `<text x="${WIDTH - RIGHT + 14}" y="${TOP + 10 + place * 20}" style="fill:${colour};font-weight:600">${name}</text>`;
  return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}"/>${dots.join("")}${label}`;
}

/** The next 1, 2, 4 or 8 times a power of ten: its quarters are round. */
function roundCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return ([1, 2, 4, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
