/** The statistics panel. */
import type { VNode } from "preact";
import type { Stats } from "../stats.ts";
import { CloseIcon } from "./icons.tsx";

const seconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(2)} s`);

const rows = (stats: Stats): readonly (readonly [string, string])[] => [
  ["Delay", seconds(stats.delayS)],
  ["Behind the edge", seconds(stats.edgeDistanceS)],
  ["Target hold-back", seconds(stats.targetS)],
  ["Buffer", seconds(stats.bufferS)],
  ["Playback rate", `${stats.rate.toFixed(2)}×`],
  ["Rendition", stats.rendition === null ? "–" : `${stats.rendition}${stats.chosen === "auto" ? " (auto)" : ""}`],
  ["Bandwidth", stats.bandwidth === null ? "–" : `${(stats.bandwidth / 1e6).toFixed(1)} Mb/s`],
  ["Dropped frames", String(stats.droppedFrames)],
  ["Stalls", String(stats.stalls)],
  ["First picture", stats.firstPictureMs === null ? "–" : `${Math.round(stats.firstPictureMs)} ms`],
  ["Programme time", stats.programTimeMs === null ? "–" : new Date(stats.programTimeMs).toISOString().slice(11, 23)],
];

/** Delay, buffer and their causes, as they are now. */
export function StatsPanel({ stats, onClose }: { stats: Stats; onClose: () => void }): VNode {
  return (
    <section class="stats" aria-label="Playback statistics">
      <dl>
        {rows(stats).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="chip chip-round" aria-label="Close the statistics" onClick={onClose}>
        <CloseIcon />
      </button>
    </section>
  );
}
