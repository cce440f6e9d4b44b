/** The statistics panel. */
import type { VNode } from "preact";
import { CloseIcon } from "../kit/icons.tsx";
import type { PlaybackStats } from "../player/stats.ts";

const formatSeconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(2)} s`);

const statsRows = (stats: PlaybackStats): readonly (readonly [string, string])[] => [
  ["Delay", formatSeconds(stats.delayS)],
  ["Behind the edge", formatSeconds(stats.edgeDistanceS)],
  ["Target hold-back", formatSeconds(stats.targetS)],
  ["Buffer", formatSeconds(stats.bufferS)],
  ["Playback rate", `${stats.rate.toFixed(2)}×`],
  ["Rendition", stats.rendition === null ? "–" : `${stats.rendition}${stats.chosen === "auto" ? " (auto)" : ""}`],
  ["Bandwidth", stats.bandwidth === null ? "–" : `${(stats.bandwidth / 1e6).toFixed(1)} Mb/s`],
  ["Dropped frames", String(stats.droppedFrames)],
  ["Stalls", String(stats.stalls)],
  ["First picture", stats.firstPictureMs === null ? "–" : `${Math.round(stats.firstPictureMs)} ms`],
  ["Program time", stats.programTimeMs === null ? "–" : new Date(stats.programTimeMs).toISOString().slice(11, 23)],
];

/** Current delay, buffer and their causes. */
export function StatsPanel({ stats, onClose }: { stats: PlaybackStats; onClose: () => void }): VNode {
  return (
    <section class="stats" aria-label="Playback statistics">
      <dl>
        {statsRows(stats).map(([name, value]) => (
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
