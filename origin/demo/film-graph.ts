/** The FFmpeg filter graphs that play the demo film from the files of its folder. Pure. */
import { join } from "node:path";
import type { Canvas } from "../ingest/raw-media.ts";
import { type FilmStrip, planFilm } from "./film-picture.ts";

/** Of what is drawn and composed; to be raised with each change of it, since a folder may have the files of another release. */
const FILM_VERSION = 1;

/** Name of the file with a layer of the picture, from back to front. */
export function layerFile({ width, height }: Canvas, layer: number): string {
  return `${width}x${height}-${layer}.v${FILM_VERSION}.pam`;
}

/** Name of the file with the music. */
export const MUSIC_FILE: string = `music.v${FILM_VERSION}.wav`;

/** The picture: each layer is one image that moves past, so that a frame costs its overlays only. */
export function pictureGraph(folder: string, canvas: Canvas, frameRate: number): string {
  const strips = planFilm(canvas, frameRate);
  const layers = strips.map((strip, i) => {
    const path = escapeOption(join(folder, layerFile(canvas, i)));
    const pixels = `scale=out_color_matrix=bt709:out_range=tv,format=${i === 0 ? "yuv420p" : "yuva420p"}`;
    return `movie=filename=${path},${pixels},loop=-1:1:0,settb=1/${frameRate},setpts=N${moveFilter(strip, canvas)}[l${i}]`;
  });
  const overlays = strips.slice(1).map(({ topPx }, i) => {
    const below = i === 0 ? "l0" : `o${i}`;
    const out = i === strips.length - 2 ? "" : `[o${i + 1}]`;
    return `[${below}][l${i + 1}]overlay=x=0:y=${topPx}:eval=init:format=yuv420${out}`;
  });
  return [...layers, ...overlays].join(";");
}

/** The sound, with timestamps that go on over its repetitions. */
export function soundGraph(folder: string): string {
  return `amovie=filename=${escapeOption(join(folder, MUSIC_FILE))}:loop=0,asetpts=N/SR/TB`;
}

/** A window that moves over the layer, by even pixels: colours have half the resolution. */
function moveFilter({ height, pxPerFrame, periodPx }: FilmStrip, { width }: Canvas): string {
  if (pxPerFrame === 0) return "";
  return `,crop=w=${width}:h=${height}:x='2*floor(mod(n*${pxPerFrame.toFixed(4)}\\,${periodPx})/2)':y=0`;
}

/** A path as the value of an option in a filter graph: escaped for the option, then for the graph. */
function escapeOption(path: string): string {
  return path.replace(/[\\':]/g, "\\$&").replace(/[\\'[\],;]/g, "\\$&");
}
