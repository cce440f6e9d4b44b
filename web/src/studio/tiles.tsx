/** The studio's figures: those of a creator above the tabs, those of the edge among its internals. */
import type { VNode } from "preact";
import type { StreamStatus } from "../../../core/broadcast/stream-status.ts";
import { formatCount } from "../kit/number-text.ts";
import { formatBitRate, formatDuration, formatPercent, formatRate, formatRatio, formatUptime } from "./format.ts";
import { onAirDurationMs, type StudioSample } from "./rate-window.ts";

interface TilesProps {
  readonly status: StreamStatus;
  /** The newest sample; null before the second status. */
  readonly latest: StudioSample | null;
  /** The server's clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** How long, for how many, and how late. */
export function BroadcastTiles({ status, latest, nowMs }: TilesProps): VNode {
  const { tracks, viewers } = status;
  const renditions = tracks.filter(({ kind }) => kind === "video").length;
  const total = tracks.reduce((sum, { bandwidth }) => sum + bandwidth, 0);
  return (
    <section class="panel" aria-labelledby="now">
      <h2 id="now" class="sr">
        Now
      </h2>
      <dl class="tiles">
        <Tile
          name="On air"
          value={formatUptime(onAirDurationMs(status, nowMs))}
          more={`since ${formatSince(status.startedAt, nowMs)}`}
        />
        <Tile name="Viewers" value={formatCount(viewers.watching ?? viewers.current)} more={describeViewers(viewers)} />
        <Tile name="Delay" value={shown(latest?.delayS, formatDuration)} more="newest media" />
        <Tile
          name="Media"
          value={formatBitRate(total)}
          more={`${renditions} video, ${tracks.length - renditions} audio`}
        />
      </dl>
    </section>
  );
}

/** How the edge serves them. */
export function EdgeTiles({ status, latest }: Omit<TilesProps, "nowMs">): VNode {
  return (
    <dl class="tiles">
      <Tile name="Requests" value={`${formatRate(status.requestsPerSecond)}/s`} more="from viewers" />
      <Tile name="Hit ratio" value={shown(latest?.hitRatio.isolate, formatPercent)} more="in the isolates" />
      <Tile name="Fetches/object" value={shown(latest?.crossings.isolate, formatRatio)} more="into the isolates" />
      <Tile name="Children" value={formatCount(status.children)} more="fed by the object" />
    </dl>
  );
}

function shown<T>(value: T | null | undefined, format: (value: T) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

function Tile({ name, value, more }: { name: string; value: string; more: string }): VNode {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      <dd class="more">{more}</dd>
    </div>
  );
}

function describeViewers({ peak, distinct }: StreamStatus["viewers"]): string {
  return distinct === undefined
    ? `peak ${formatCount(peak)}`
    : `peak ${formatCount(peak)}, ${formatCount(distinct)} in total`;
}

/** `14:03`, with the date before today. */
function formatSince(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = at.toTimeString().slice(0, 5);
  return at.toDateString() === new Date(nowMs).toDateString() ? time : `${at.toLocaleDateString()} ${time}`;
}
