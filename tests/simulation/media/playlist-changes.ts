/** What is new in a playlist, so that rules on single segments are not applied to hundreds of segments that they held for. */
import type { MediaPlaylist, SegmentTag } from "../../conformance/playlist-reader.ts";

/**
 * Segments of a track that rules were applied to, each with the one before it. Equal segments are one object
 * (`SegmentMemory`).
 */
export class SegmentsInContext {
  #before = new WeakMap<SegmentTag, SegmentTag | null>();
  #header = "";

  /** The segments from the one before the first that is new, or new behind another one, to the end; takes them as known. */
  takeNew({ segments, targetDuration, partTarget }: MediaPlaylist): readonly SegmentTag[] {
    // Rules compare segments with these.
    const header = `${targetDuration} ${partTarget}`;
    if (header !== this.#header) this.#before = new WeakMap();
    this.#header = header;
    const isKnown = (segment: SegmentTag, index: number): boolean =>
      this.#before.get(segment) === (segments[index - 1] ?? null);
    const firstNew = segments.findIndex((segment, index) => !isKnown(segment, index));
    for (const [index, segment] of segments.entries()) this.#before.set(segment, segments[index - 1] ?? null);
    return segments.slice(Math.max(0, (firstNew === -1 ? segments.length : firstNew) - 1));
  }
}

/** Two playlists of a track without the segments that they begin with and have in common, but for the last of those. */
export function trimCommonSegments(was: MediaPlaylist, now: MediaPlaylist): readonly [MediaPlaylist, MediaPlaylist] {
  const firstMsn = was.segments[0]?.msn ?? 0;
  const firstNew = now.segments.findIndex((segment) => was.segments[segment.msn - firstMsn] !== segment);
  const cutAt = Math.max(0, (firstNew === -1 ? now.segments.length : firstNew) - 1);
  const cutMsn = now.segments[cutAt]?.msn ?? 0;
  const wasCutAt = Math.min(Math.max(0, cutMsn - firstMsn), Math.max(0, was.segments.length - 1));
  return [
    { ...was, segments: was.segments.slice(wasCutAt) },
    { ...now, segments: now.segments.slice(cutAt) },
  ];
}
