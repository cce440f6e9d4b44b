/** The playlists of many streams, read now and then: what a viewer would have noticed between two readings. */
import { errorMessage } from "../../core/kit/error-message.ts";
import type { ViewerTarget } from "../../tests/support/playlist-viewer.ts";

/** How far a playlist's end may be behind the clock: parts of 1 s, and a machine that does other work too. */
const LATE_MS = 10_000;

interface WatchedPlaylist {
  readonly target: ViewerTarget;
  endMs: number;
  nextSegment: number;
  goesOn: boolean;
}

/** See the file's first line. */
export class PlaylistWatch {
  /** `stream: what`. */
  readonly faults: Set<string> = new Set();
  readonly #watched = new Map<string, WatchedPlaylist>();

  add(stream: string, target: ViewerTarget): void {
    this.#watched.set(stream, { target, endMs: 0, nextSegment: 0, goesOn: false });
  }

  /** Whether the playlist of `stream` went on at the last reading, in the broadcast with which it began. */
  goesOn(stream: string): boolean {
    return this.#watched.get(stream)?.goesOn ?? false;
  }

  /** Reads all. The playlists must reach back to the last reading. */
  async check(): Promise<void> {
    for (const [stream, watched] of this.#watched) {
      for (const fault of await readFaults(watched)) {
        if (!this.faults.has(`${stream}: ${fault}`)) console.error(`  ${stream}: ${fault}`);
        this.faults.add(`${stream}: ${fault}`);
      }
    }
  }
}

async function readFaults(watched: WatchedPlaylist): Promise<string[]> {
  watched.goesOn = false;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(watched.target.playlist);
    text = await answer.text();
  } catch (error) {
    return [`its playlist cannot be read: ${errorMessage(error)}`];
  }
  if (!answer.ok) return [`its playlist answers ${answer.status}`];
  const faults: string[] = [];
  if (text.includes("GAP=YES") || text.includes("#EXT-X-GAP")) faults.push("a gap");
  if (/#EXT-X-DISCONTINUITY$|#EXT-X-DISCONTINUITY-SEQUENCE:[1-9]/m.test(text)) faults.push("a discontinuity");
  if (text.includes("#EXT-X-ENDLIST")) faults.push("its broadcast ended");
  const firstSegment = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  const nextSegment = firstSegment + (text.match(/^#EXTINF/gm)?.length ?? 0);
  if (nextSegment < watched.nextSegment) faults.push("its playlist went back");
  if (watched.nextSegment > 0 && firstSegment > watched.nextSegment) faults.push("its playlist left segments out");
  const endMs = programEndMs(text);
  const isLate = endMs < Date.now() - LATE_MS;
  if (isLate) faults.push(`its playlist ended ${((Date.now() - endMs) / 1000).toFixed(1)} s ago`);
  watched.goesOn = !isLate && endMs > watched.endMs;
  Object.assign(watched, { endMs, nextSegment });
  return faults;
}

/** Program time at the playlist's end, milliseconds since the epoch; 0 without any. */
function programEndMs(text: string): number {
  const dates = [...text.matchAll(/#EXT-X-PROGRAM-DATE-TIME:(\S+)/g)];
  const last = dates.at(-1);
  if (last?.[1] === undefined) return 0;
  const after = text.slice(last.index);
  const lastSegmentAt = after.lastIndexOf("#EXTINF");
  const segments = [...after.matchAll(/#EXTINF:([\d.]+)/g)];
  const parts = [...after.slice(Math.max(0, lastSegmentAt)).matchAll(/#EXT-X-PART:[^\n]*DURATION=([\d.]+)/g)];
  const seconds = [...segments, ...parts].reduce((sum, [, duration]) => sum + Number(duration), 0);
  return Date.parse(last[1]) + 1000 * seconds;
}
