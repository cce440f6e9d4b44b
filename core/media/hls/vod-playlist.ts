/** The playlist of a recording: a complete ended broadcast, which never changes. */
import type { BroadcastConfig } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import { segmentPath } from "./paths.ts";
import { programTimeLine, pushIframe, pushSegmentEnd, pushSegmentStart, type VodSegment } from "./segment-lines.ts";
import { formatUnits, ticksToUnits } from "./timing.ts";

/** §8: 6 for `EXT-X-MAP`; `EXT-X-GAP` came with 8. */
const VOD_VERSION = 8;

/** Shorter holes are not marked in a recording, seconds: players skip them by themselves. */
const NEGLIGIBLE_GAP_S = 0.1;

/** A recording's playlist, built from its segments in order and without holes. */
export class VodPlaylist {
  readonly #timescale: number;
  readonly #head: readonly string[];
  readonly #iframes: boolean;
  readonly #body: string[] = [];
  #mediaSequence: number | undefined;
  #initVersion: number | undefined;

  /** Throws `RangeError` for a track that the broadcast doesn't have. */
  constructor(config: BroadcastConfig, track: TrackName, { iframes }: { readonly iframes: boolean }) {
    const timescale = config.tracks.find((one) => one.name === track)?.timescale;
    if (timescale === undefined) throw new RangeError(`the broadcast has no track ${track}`);
    this.#timescale = timescale;
    this.#iframes = iframes;
    this.#head = [
      "#EXTM3U",
      `#EXT-X-VERSION:${VOD_VERSION}`,
      `#EXT-X-TARGETDURATION:${config.targetDurationS}`,
      "#EXT-X-PLAYLIST-TYPE:VOD",
    ];
  }

  /** The next segment. */
  addSegment(segment: VodSegment): void {
    this.#mediaSequence ??= segment.msn;
    pushSegmentStart(this.#body, segment.start, this.#initVersion);
    this.#initVersion = segment.start.initVersion;
    if (this.#iframes) pushIframe(this.#body, segment, this.#timescale);
    else pushVodSegment(this.#body, segment, this.#timescale);
  }

  /** The playlist of all that was pushed. */
  render(): string {
    const sequences = [`#EXT-X-MEDIA-SEQUENCE:${this.#mediaSequence ?? 0}`, "#EXT-X-DISCONTINUITY-SEQUENCE:0"];
    const only = this.#iframes ? ["#EXT-X-I-FRAMES-ONLY"] : [];
    return `${[...this.#head, ...sequences, ...only, ...this.#body, "#EXT-X-ENDLIST"].join("\n")}\n`;
  }
}

/** The playlist of a whole ended broadcast. Throws as `VodPlaylist` does. */
export function renderVodPlaylist(
  config: BroadcastConfig,
  track: TrackName,
  segments: Iterable<VodSegment>,
  opts: { readonly iframes: boolean },
): string {
  const playlist = new VodPlaylist(config, track, opts);
  for (const segment of segments) playlist.addSegment(segment);
  return playlist.render();
}

/**
 * A segment with missing parts: a recording lists no parts, so the existing ones are listed as byte ranges of the segment,
 * with gap segments between them. A live playlist cannot do that, since it would change the sequence numbers.
 */
function pushVodSegment(lines: string[], segment: VodSegment, timescale: number): void {
  const holed = !segment.gap && segment.parts.some(({ gap }) => gap);
  const pieces = holed ? mergeShortGaps(segment, NEGLIGIBLE_GAP_S * timescale) : [];
  if (pieces.length < 2) {
    pushSegmentEnd(lines, segment, timescale);
    return;
  }
  const ranged = pieces.filter(({ gap }) => !gap).length > 1;
  let [endTicks, startUnits, offset] = [0, 0, 0];
  for (const { durationTicks, byteLength, gap } of pieces) {
    if (endTicks > 0) lines.push(programTimeLine(segment.start.programTimeMs + (endTicks * 1_000) / timescale));
    endTicks += durationTicks;
    const endUnits = ticksToUnits(endTicks, timescale);
    // §4.4.4.7: "The EXT-X-GAP tag indicates that the segment URI to which it applies does not contain media data and
    // SHOULD NOT be loaded by clients."
    if (gap) lines.push("#EXT-X-GAP");
    lines.push(`#EXTINF:${formatUnits(endUnits - startUnits)},`);
    if (ranged && !gap) lines.push(`#EXT-X-BYTERANGE:${byteLength}@${offset}`);
    lines.push(segmentPath(segment.msn));
    startUnits = endUnits;
    offset += byteLength;
  }
}

/** Runs of existing and missing parts; a gap shorter than `leastGapTicks` is merged into its neighbour. */
function mergeShortGaps({ parts }: VodSegment, leastGapTicks: number): VodSegment["parts"][number][] {
  const runs = mergeAdjacent(parts);
  const kept = runs.map((run) => (run.gap && run.durationTicks < leastGapTicks ? { ...run, gap: false } : run));
  return mergeAdjacent(kept);
}

function mergeAdjacent(parts: VodSegment["parts"]): VodSegment["parts"][number][] {
  const runs: VodSegment["parts"][number][] = [];
  for (const { durationTicks, byteLength, gap } of parts) {
    const last = runs.at(-1);
    if (last?.gap !== gap) {
      runs.push({ durationTicks, byteLength, gap });
      continue;
    }
    const grown = { durationTicks: last.durationTicks + durationTicks, byteLength: last.byteLength + byteLength, gap };
    runs[runs.length - 1] = grown;
  }
  return runs;
}
