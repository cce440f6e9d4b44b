/** The studio's tables: tracks and tier counters. */
import type { VNode } from "preact";
import type { StreamStatus, TierName } from "../../../core/broadcast/stream-status.ts";
import { formatCount } from "../kit/number-text.ts";
import { DataTable, type TableColumn } from "./data-table.tsx";
import { formatBitRate } from "./format.ts";

const TIER_LABELS: Readonly<Record<TierName, string>> = {
  isolate: "Isolates",
  colo: "Data centres",
  region: "Regions",
  live: "Live object",
  r2: "R2",
};

const TRACK_COLUMNS: readonly TableColumn<StreamStatus["tracks"][number]>[] = [
  ["Track", ({ name }) => name],
  ["Codec", ({ codecs }) => <code>{codecs}</code>],
  ["Peak", ({ bandwidth }) => formatBitRate(bandwidth)],
  ["Parts", ({ partTargetMs }) => `${Math.round(partTargetMs)} ms`],
  ["Newest", ({ lastMsn, lastPart }) => (lastMsn < 0 ? "–" : `${lastMsn}.${lastPart}`)],
];

const TIER_COLUMNS: readonly TableColumn<StreamStatus["tiers"][number]>[] = [
  ["Tier", ({ tier }) => TIER_LABELS[tier]],
  ["Requests", ({ requests }) => formatCount(requests)],
  ["Hits", ({ hits }) => formatCount(hits)],
  ["Coalesced", ({ coalesced }) => formatCount(coalesced)],
  ["Pulled", ({ pulled }) => formatCount(pulled)],
  ["Sent up", ({ upstream }) => formatCount(upstream)],
  ["5xx", ({ errors }) => formatCount(errors), ({ errors }) => errors > 0],
  ["4xx", ({ refusals }) => formatCount(refusals)],
];

/** Each track with its codec, bit rate and newest part. */
export function TracksTable({ status: { tracks } }: { status: StreamStatus }): VNode {
  return (
    <TablePanel id="tracks" title="Tracks">
      <DataTable items={tracks} columns={TRACK_COLUMNS} keyOf={({ name }) => name} rowHeadings />
    </TablePanel>
  );
}

/** Each tier's counters since the object started. */
export function TiersTable({ status: { tiers, countedFrom } }: { status: StreamStatus }): VNode {
  return (
    <TablePanel id="tiers" title={`Tiers, since ${new Date(countedFrom).toTimeString().slice(0, 8)}`}>
      <DataTable items={tiers} columns={TIER_COLUMNS} keyOf={({ tier }) => tier} rowHeadings />
    </TablePanel>
  );
}

/** A table with its heading: what scrolls is the landmark of that name. */
function TablePanel({ id, title, children }: { id: string; title: string; children: VNode }): VNode {
  return (
    <div class="panel">
      <h2 id={id}>{title}</h2>
      <section
        class="scroll"
        aria-labelledby={id}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        tabIndex={0}
      >
        {children}
      </section>
    </div>
  );
}
