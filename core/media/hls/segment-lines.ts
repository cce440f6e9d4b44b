/** The lines of one segment, shared by live playlists and recordings. */

import type { PartState, SegmentStart, SegmentState } from "../../broadcast/segment.ts";
import { initPath, partPath, segmentPath } from "./paths.ts";
import { formatUnits, ticksToUnits } from "./timing.ts";

/** A closed segment of an ended broadcast, as the index stores it. */
export interface VodSegment {
  readonly msn: number;
  readonly start: SegmentStart;
  readonly durationTicks: number;
  readonly gap: boolean;
  readonly iframeBytes?: number;
  readonly parts: readonly Pick<PartState, "durationTicks" | "byteLength" | "gap">[];
}

/** The lines before a segment, or before its first part; `initVersion`: the current init section. */
export function pushSegmentStart(lines: string[], start: SegmentStart, initVersion: number | undefined): void {
  // §4.4.4.9: "EXT-X-DISCONTINUITY, EXT-X-KEY, EXT-X-MAP, or EXT-X-PROGRAM-DATE-TIME ... MUST appear before the first
  // EXT-X-PART tag of that Parent Segment."
  if (start.discontinuity) lines.push("#EXT-X-DISCONTINUITY");
  if (start.initVersion !== initVersion) lines.push(`#EXT-X-MAP:URI="${initPath(start.initVersion)}"`);
  let line = programTimeLines.get(start);
  if (line === undefined) {
    line = programTimeLine(start.programTimeMs);
    programTimeLines.set(start, line);
  }
  lines.push(line);
}

/** A live window is rendered for each part, and formatting dates is the largest part of that. */
const programTimeLines = new WeakMap<SegmentStart, string>();

/** A program time, milliseconds since the epoch. */
export function programTimeLine(programTimeMs: number): string {
  return `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(programTimeMs)).toISOString()}`;
}

/** Its parts. */
export function pushParts(lines: string[], segment: SegmentState, timescale: number): void {
  // Each part spans from its rounded start to its rounded end, so printed parts add up to the printed segment, and none
  // is above its exact duration rounded up, which the printed part target covers.
  let endTicks = 0;
  let startUnits = 0;
  for (const part of segment.parts) {
    endTicks += part.durationTicks;
    const endUnits = ticksToUnits(endTicks, timescale);
    lines.push(partLine(segment.msn, part, endUnits - startUnits));
    startUnits = endUnits;
  }
}

function partLine(msn: number, part: PartState, units: number): string {
  const flags = `${part.independent ? ",INDEPENDENT=YES" : ""}${part.gap ? ",GAP=YES" : ""}`;
  return `#EXT-X-PART:DURATION=${formatUnits(units)},URI="${partPath(msn, part.part)}"${flags}`;
}

/** The segment itself. */
export function pushSegmentEnd(lines: string[], segment: VodSegment, timescale: number): void {
  if (segment.gap) lines.push("#EXT-X-GAP");
  lines.push(`#EXTINF:${formatUnits(ticksToUnits(segment.durationTicks, timescale))},`, segmentPath(segment.msn));
}

/** Its first picture, as a byte range. */
export function pushIframe(lines: string[], segment: VodSegment, timescale: number): void {
  // The prefix that decodes to the first picture is that of the first part.
  const missing = segment.gap || segment.iframeBytes === undefined || segment.parts[0]?.gap === true;
  lines.push(`#EXTINF:${formatUnits(ticksToUnits(segment.durationTicks, timescale))},`);
  lines.push(missing ? "#EXT-X-GAP" : `#EXT-X-BYTERANGE:${segment.iframeBytes}@0`, segmentPath(segment.msn));
}
