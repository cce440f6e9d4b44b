/** Rules 52–59: times of arrival and availability. */
import {
  type Observation,
  type RuleVerdict,
  ruleBroken,
  ruleHeld,
  ruleNotApplicable,
  ruleNotChecked,
  verdictFromFaults,
} from "../model.ts";
import { lastClosedSegment, type MediaPlaylist, playlistEndMs, type SegmentTag } from "../playlist-reader.ts";
import {
  type ConformanceRule,
  consecutiveSnapshots,
  describeExchange,
  fetchedMedia,
  formatMs,
  hasEnded,
  hasParts,
  largestPartTarget,
  largestTargetDuration,
  probesNamed,
  quantile,
  trackLabel,
  trackSnapshots,
} from "./observation.ts";

const partCount = (playlist: MediaPlaylist): string => {
  const last = playlist.segments.findLast((segment) => segment.parts.length > 0);
  return last === undefined ? "" : `${last.msn}.${last.parts.length}`;
};

/** Intervals between arrivals of new media in each track, milliseconds. */
function arrivals(seen: Observation, newest: (playlist: MediaPlaylist) => unknown): number[] {
  return seen.tracks.flatMap((track) => {
    const list = trackSnapshots(track);
    // The age of the first playlist's media is unknown.
    const times = list.flatMap((one, i) => {
      const before = list[i - 1];
      return before !== undefined && newest(before.playlist) !== newest(one.playlist) ? [one.atMs] : [];
    });
    return times.slice(1).map((at, i) => at - (times[i] ?? at));
  });
}

function checkSegmentPace(seen: Observation): RuleVerdict {
  const gaps = arrivals(seen, lastClosedSegment);
  if (gaps.length === 0) return ruleNotChecked("fewer than three segments came");
  const limit = 1500 * largestTargetDuration(seen);
  const most = Math.max(...gaps);
  const said = `${gaps.length} segments, at most ${formatMs(most)} apart`;
  return most <= limit + 100 ? ruleHeld(said) : ruleBroken(`${said}, over ${formatMs(limit)}`);
}

function checkPartPace(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const gaps = arrivals(seen, partCount);
  if (gaps.length < 3) return ruleNotChecked("fewer than four parts came");
  const target = 1000 * largestPartTarget(seen);
  const [p95, most] = [quantile(gaps, 0.95), Math.max(...gaps)];
  const said = `${gaps.length} parts, ${formatMs(p95)} apart at p95 and ${formatMs(most)} at most, for a target of ${formatMs(target)}`;
  // Arrival here is measured: a busy network or machine delays one and brings the next close behind.
  return p95 <= 1.25 * target + 50 && most <= 2.5 * target + 100 ? ruleHeld(said) : ruleBroken(said);
}

function checkSpeed(seen: Observation): RuleVerdict {
  const got = fetchedMedia(seen, "segment").filter((one) => one.exchange.status === 200);
  const limit = 500 * largestTargetDuration(seen);
  const times = got.map((one) => one.exchange.doneMs - one.exchange.sentMs);
  const slow = times.filter((time) => time > limit).length;
  if (got.length === 0) return ruleNotChecked("no segment fetched");
  const said = `${got.length} segments in ${formatMs(quantile(times, 0.5))} each, ${formatMs(Math.max(...times))} at most`;
  return slow > 0.1 * got.length ? ruleBroken(said) : ruleHeld(said);
}

/** Properties of a closed segment that may not change once it is listed. */
const frozenFields = ({ uri, durationS, gap, discontinuity, map, pdtMs, byterange }: SegmentTag): string =>
  JSON.stringify([uri, durationS, gap, discontinuity, map, pdtMs, byterange]);

function checkAtomic(seen: Observation): RuleVerdict {
  const pairs = consecutiveSnapshots(seen, true);
  const faults: string[] = [];
  for (const [was, now] of pairs) {
    const closed = was.playlist.segments.filter((one) => one.uri !== null);
    const byMsn = new Map(now.playlist.segments.map((one) => [one.msn, one]));
    for (const segment of closed) {
      const later = byMsn.get(segment.msn);
      if (later === undefined && segment.msn >= now.playlist.mediaSequence) {
        faults.push(`${now.name}: segment ${segment.msn} vanished from the middle`);
      } else if (
        later !== undefined &&
        later !== segment &&
        frozenFields({ ...segment, map: later.map }) !== frozenFields(later)
      ) {
        faults.push(`${now.name}: segment ${segment.msn} changed`);
      }
    }
    for (const segment of was.playlist.segments) {
      const later = byMsn.get(segment.msn);
      // Parts may leave all together, once old; while they are listed, they only grow in number.
      if (later === undefined || later === segment || later.parts.length === 0) continue;
      const same = segment.parts.every(
        (part, i) => part === later.parts[i] || JSON.stringify(part) === JSON.stringify(later.parts[i]),
      );
      if (!same) faults.push(`${now.name}: parts of segment ${segment.msn} changed`);
    }
  }
  return verdictFromFaults(faults, pairs.length, "updates");
}

function checkKept(seen: Observation): RuleVerdict {
  const left = seen.tracks.flatMap((track) => track.fetchesAfterRemoval.filter((one) => one.kind === "segment"));
  const guessed = probesNamed(seen, "before-window");
  const all = [...left, ...guessed];
  const faults = all.flatMap((one) =>
    one.exchange.status === 200 ? [] : [`${one.exchange.url}: ${describeExchange(one)} after it left`],
  );
  if (all.length === 0 && !seen.expectEnd) return ruleNotApplicable("no segment left during the run");
  return verdictFromFaults(faults, all.length, "segments fetched after they had left");
}

function checkExpires(seen: Observation): RuleVerdict {
  const got = fetchedMedia(seen, "segment").filter((one) => one.exchange.status === 200);
  const [first] = got;
  if (first === undefined) return ruleNotChecked("no segment fetched");
  const { headers } = first.exchange;
  if (headers.expires !== undefined) return ruleHeld(`Expires: ${headers.expires}`);
  // RFC 9111 §5.3: "If a response includes a Cache-Control header field with the max-age directive, a recipient MUST ignore
  // the Expires header field."
  if (/max-age=\d+/.test(headers["cache-control"] ?? ""))
    return ruleHeld(`by Cache-Control: ${headers["cache-control"]}`);
  return ruleBroken(`${trackLabel(first.track)}: neither Expires nor max-age`);
}

function checkSync(seen: Observation): RuleVerdict {
  if (seen.tracks.length < 2) return ruleNotApplicable("one media playlist");
  const limit = 1000 * (largestPartTarget(seen) || largestTargetDuration(seen));
  const lags = seen.tracks.flatMap((track) => {
    const values = trackSnapshots(track)
      .slice(1)
      .flatMap((one, i, list) => {
        const edge = playlistEndMs(one.playlist);
        const before = list[i - 1];
        const news = before !== undefined && playlistEndMs(before.playlist) !== edge;
        return edge === null || !news ? [] : [one.atMs - edge];
      });
    return values.length < 3 ? [] : [{ name: trackLabel(track), lag: quantile(values, 0.5) }];
  });
  if (lags.length < 2) return ruleNotChecked("too few updates with program times");
  const sorted = lags.toSorted((a, b) => a.lag - b.lag);
  const [first, last] = [sorted[0], sorted.at(-1)];
  const apart = (last?.lag ?? 0) - (first?.lag ?? 0);
  const said = `${lags.length} playlists, ${last?.name} ${formatMs(apart)} behind ${first?.name}`;
  return apart <= limit ? ruleHeld(said) : ruleBroken(said);
}

/** These rules. */
export const TIMING_RULES: readonly ConformanceRule[] = [
  { rule: 52, title: "a segment arrives within 1.5 target durations of the previous one", check: checkSegmentPace },
  { rule: 53, title: "a part arrives within the part target of the previous one", check: checkPartPace },
  { rule: 54, title: "listed media is sent at full speed", check: checkSpeed },
  { rule: 55, title: "updates add at the end and remove at the start", check: checkAtomic },
  { rule: 56, title: "a segment stays available for a while after its removal", check: checkKept },
  { rule: 57, title: "segments that will be removed state their expiry", check: checkExpires },
  {
    rule: 58,
    title: "a removed stream is 404 or 410",
    check: (seen) =>
      ruleNotApplicable(hasEnded(seen) ? "the ended broadcast is still offered" : "the broadcast continues"),
  },
  { rule: 59, title: "renditions are within a part of each other", check: checkSync },
];
