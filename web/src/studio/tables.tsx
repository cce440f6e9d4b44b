/** The studio's tables: tracks and tier counters. */
import type { VNode } from "preact";
import type { StreamStatus, TierName } from "../../../core/broadcast/stream-status.ts";
import { formatBitRate, formatCount } from "./format.ts";

const TIER_LABELS: Readonly<Record<TierName, string>> = {
  isolate: "Isolates",
  colo: "Data centres",
  region: "Regions",
  live: "Live object",
  r2: "R2",
};

/** Each track with its codec, bit rate and newest part. */
export function TracksTable({ status: { tracks } }: { status: StreamStatus }): VNode {
  return (
    <section class="panel" aria-labelledby="tracks">
      <h2 id="tracks">Tracks</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Track</th>
              <th scope="col">Codec</th>
              <th scope="col">Peak</th>
              <th scope="col">Parts</th>
              <th scope="col">Newest</th>
            </tr>
          </thead>
          <tbody>
            {tracks.map(({ name, codecs, bandwidth, partTargetMs, lastMsn, lastPart }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <code>{codecs}</code>
                </td>
                <td>{formatBitRate(bandwidth)}</td>
                <td>{Math.round(partTargetMs)} ms</td>
                <td>{lastMsn < 0 ? "–" : `${lastMsn}.${lastPart}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Each tier's counters since the object started. */
export function TiersTable({ status: { tiers, countedFrom } }: { status: StreamStatus }): VNode {
  return (
    <section class="panel" aria-labelledby="tiers">
      <h2 id="tiers">Tiers, since {new Date(countedFrom).toTimeString().slice(0, 8)}</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Tier</th>
              <th scope="col">Requests</th>
              <th scope="col">Hits</th>
              <th scope="col">Coalesced</th>
              <th scope="col">Pulled</th>
              <th scope="col">Sent up</th>
              <th scope="col">5xx</th>
              <th scope="col">4xx</th>
            </tr>
          </thead>
          <tbody>
            {tiers.map(({ tier, requests, hits, coalesced, pulled, upstream, errors, refusals }) => (
              <tr key={tier}>
                <th scope="row">{TIER_LABELS[tier]}</th>
                <td>{formatCount(requests)}</td>
                <td>{formatCount(hits)}</td>
                <td>{formatCount(coalesced)}</td>
                <td>{formatCount(pulled)}</td>
                <td>{formatCount(upstream)}</td>
                <td class={errors > 0 ? "bad" : ""}>{formatCount(errors)}</td>
                <td>{formatCount(refusals)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
