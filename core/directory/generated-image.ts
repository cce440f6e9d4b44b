/** Images of streams without uploaded ones: title and initial on the stream's own colours, as SVG. */

import { escapeHtml } from "../kit/escape-html.ts";
import { hash32 } from "../kit/hash.ts";
import { type StreamDetails, streamTitle } from "./stream-details.ts";

/** Width of a line of a poster in Latin letters; those of East Asia are twice as wide. */
const LINE_WIDTH = 24;
const MAX_LINES = 3;
const LINE_HEIGHT_PX = 112;
const POSTER = { width: 1_280, height: 720 } as const;

/** The poster of a stream: its title, its host, and two colours that its name gives. */
export function renderPoster(stream: string, details: Pick<StreamDetails, "title" | "host">): string {
  const lines = wrapTitle(streamTitle(stream, details));
  const host = details.title === "" ? "" : details.host;
  const firstY = POSTER.height / 2 - ((lines.length - 1) * LINE_HEIGHT_PX) / 2 + 30;
  const title = lines.map((line, at) => textElement(line, firstY + at * LINE_HEIGHT_PX, 88, 700)).join("");
  const [by = ""] = wrapTitle(host);
  const credit = by === "" ? "" : textElement(by, firstY + lines.length * LINE_HEIGHT_PX - 20, 44, 500);
  return renderSvg(stream, POSTER.width, POSTER.height, title + credit);
}

/** The avatar of a host: an initial. */
export function renderAvatar(stream: string, { host, title }: Pick<StreamDetails, "title" | "host">): string {
  const [initial = "?"] = graphemes(host || title || stream);
  const letter = `<text x="128" y="128" dy=".35em" text-anchor="middle" font-size="128" font-weight="700">${escapeHtml(initial.toLocaleUpperCase())}</text>`;
  return renderSvg(stream, 256, 256, letter);
}

function renderSvg(stream: string, width: number, height: number, content: string): string {
  const hue = hash32(stream) % 360;
  // Both are dark enough for white text: 4.5:1 and more at every hue.
  const stops = [`hsl(${hue} 60% 26%)`, `hsl(${(hue + 50) % 360} 70% 14%)`];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="${stops[0]}"/><stop offset="1" stop-color="${stops[1]}"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/><g fill="#fff" font-family="system-ui,sans-serif">${content}</g></svg>`;
}

function textElement(line: string, y: number, size: number, weight: number): string {
  return `<text x="${POSTER.width / 2}" y="${y}" text-anchor="middle" font-size="${size}" font-weight="${weight}">${escapeHtml(line)}</text>`;
}

/** At most three lines, broken between words, and within those that are longer than a line. */
function wrapTitle(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    for (const piece of splitWord(word)) {
      if (line !== "" && widthOf(`${line} ${piece}`) > LINE_WIDTH) {
        lines.push(line);
        line = piece;
      } else line = line === "" ? piece : `${line} ${piece}`;
    }
  }
  if (line !== "") lines.push(line);
  return lines.length <= MAX_LINES ? lines : [...lines.slice(0, MAX_LINES - 1), `${lines[MAX_LINES - 1]}…`];
}

function splitWord(word: string): string[] {
  const pieces = [""];
  for (const grapheme of graphemes(word)) {
    const last = pieces.at(-1) ?? "";
    if (last !== "" && widthOf(last + grapheme) > LINE_WIDTH) pieces.push(grapheme);
    else pieces[pieces.length - 1] = last + grapheme;
  }
  return pieces;
}

/** Letters of East Asia and pictographs are about twice as wide as Latin ones. */
function widthOf(text: string): number {
  return graphemes(text).reduce((width, grapheme) => width + ((grapheme.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1), 0);
}

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

const graphemes = (text: string): string[] => [...segmenter.segment(text)].map(({ segment }) => segment);
