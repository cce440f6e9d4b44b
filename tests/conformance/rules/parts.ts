/** Rules 9–11, 17–21: parts, hints and rendition reports. */
import {
  type Observation,
  type RuleVerdict,
  ruleBroken,
  ruleHeld,
  ruleNotApplicable,
  ruleNotChecked,
  verdictFromFaults,
} from "../model.ts";
import { type MediaPlaylist, segmentSeconds } from "../playlist-reader.ts";
import {
  type ConformanceRule,
  consecutiveSnapshots,
  EPSILON_S,
  fetchedMedia,
  hasEnded,
  hasParts,
  mediaSnapshots,
  observedParts,
  type PlaylistSnapshot,
  trackLabel,
  trackSnapshots,
} from "./observation.ts";

function checkPartLengths(seen: Observation): RuleVerdict {
  const parts = observedParts(seen);
  const faults = parts.flatMap((part) =>
    part.durationS <= part.partTarget + 1e-9 ? [] : [`part ${part.uri}: ${part.durationS} s over ${part.partTarget} s`],
  );
  for (const { uri, fragment, track } of fetchedMedia(seen, "part")) {
    const timescale = [...track.inits.values()].at(-1)?.timescale;
    const target = trackSnapshots(track)[0]?.playlist.partTarget ?? Number.NaN;
    if (fragment === null || timescale === undefined) continue;
    const seconds = fragment.durationTicks / timescale;
    if (seconds > target + EPSILON_S) faults.push(`${uri}: its samples last ${seconds.toFixed(4)} s over ${target} s`);
  }
  return parts.length === 0 ? ruleNotApplicable("no parts") : verdictFromFaults(faults, parts.length, "parts");
}

function checkShortParts(seen: Observation): RuleVerdict {
  const parts = observedParts(seen).filter(
    (part) => !part.independent && !part.gap && !part.followedByGap && !part.lastOfSegment,
  );
  if (observedParts(seen).length === 0) return ruleNotApplicable("no parts");
  const faults = parts.flatMap((part) =>
    part.durationS >= 0.85 * part.partTarget - EPSILON_S
      ? []
      : [`part ${part.uri}: ${part.durationS} s of ${part.partTarget} s`],
  );
  if (parts.length === 0) return ruleHeld("every part is independent, missing, or its segment's last");
  return verdictFromFaults(faults, parts.length, "parts in their segments' middle");
}

function checkIndependent(seen: Observation): RuleVerdict {
  const flags = new Map(observedParts(seen).map((part) => [part.url, part.independent]));
  if (flags.size === 0) return ruleNotApplicable("no parts");
  const read = fetchedMedia(seen, "part").filter((one) => one.fragment !== null && flags.has(one.exchange.url));
  const faults = read.flatMap(({ exchange: { url }, fragment }) => {
    const sync = (fragment?.syncSamples ?? 0) > 0;
    if (sync === flags.get(url)) return [];
    return [`${url}: ${sync ? "holds an independent frame without saying so" : "says INDEPENDENT and holds none"}`];
  });
  return verdictFromFaults(faults, read.length, "parts read");
}

function checkPartWindow(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const faults: string[] = [];
  for (const { name, playlist } of mediaSnapshots(seen)) {
    let fromEnd = 0;
    for (const segment of playlist.segments.toReversed()) {
      // A segment's parts are removed together: none may stay whose segment is wholly beyond the limit.
      if (segment.parts.length > 0 && fromEnd > 3 * playlist.targetDuration + EPSILON_S) {
        faults.push(`${name}: parts of segment ${segment.msn} are still listed ${fromEnd.toFixed(1)} s from the end`);
      }
      fromEnd += segmentSeconds(segment);
    }
  }
  const left = seen.tracks.flatMap((track) => track.fetchesAfterRemoval.filter((one) => one.kind === "part"));
  for (const { uri, exchange } of left) {
    if (exchange.status !== 200) faults.push(`${uri}: ${exchange.failure ?? exchange.status} soon after its tag left`);
  }
  if (faults.length > 0) return verdictFromFaults(faults, 0, "");
  return left.length === 0
    ? ruleNotChecked("no part's tag left")
    : ruleHeld(`${left.length} parts fetched after their tags left`);
}

const hintsOf = (playlist: MediaPlaylist, type: string): string[] =>
  playlist.hints.filter((hint) => hint.get("TYPE") === type).map((hint) => hint.get("URI") ?? "");

function checkHints(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const live = mediaSnapshots(seen).filter(({ playlist }) => !playlist.endList);
  const faults = live.flatMap(({ name, playlist }) => {
    const parts = hintsOf(playlist, "PART").length;
    const maps = hintsOf(playlist, "MAP").length;
    return parts === 1 && maps <= 1 ? [] : [`${name}: ${parts} part hints and ${maps} map hints`];
  });
  return verdictFromFaults(faults, live.length, "playlists with a hint");
}

function firstNewPart(was: MediaPlaylist, now: MediaPlaylist): string | null {
  const known = new Set(was.segments.flatMap((segment) => segment.parts.map((part) => part.uri)));
  const last = was.segments.at(-1)?.msn ?? -1;
  for (const segment of now.segments) {
    if (segment.msn < last) continue;
    const fresh = segment.parts.find((part) => !known.has(part.uri));
    if (fresh !== undefined) return fresh.uri;
  }
  return null;
}

function checkHintsComeTrue(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const faults: string[] = [];
  let compared = 0;
  for (const [was, now] of consecutiveSnapshots(seen)) {
    const hint = hintsOf(was.playlist, "PART")[0];
    const came = firstNewPart(was.playlist, now.playlist);
    if (hint !== undefined && came !== null) {
      compared += 1;
      if (came !== hint) faults.push(`${now.name}: hinted ${hint}, came ${came}`);
    }
    const map = now.playlist.segments.at(-1)?.map;
    const old = was.playlist.segments.at(-1)?.map;
    if (map != null && old != null && map !== old && !hintsOf(was.playlist, "MAP").includes(map)) {
      faults.push(`${now.name}: the init section became ${map} without a hint`);
    }
  }
  return verdictFromFaults(faults, compared, "hints came true");
}

/** The content of a report, with omitted values from the playlist that contains it (§4.4.5.4). */
function reportedPosition(report: ReadonlyMap<string, string>, own: { msn: number; part: number }) {
  return { msn: Number(report.get("LAST-MSN") ?? own.msn), part: Number(report.get("LAST-PART") ?? own.part) };
}

function lastPart(playlist: MediaPlaylist): { msn: number; part: number } {
  const last = playlist.segments.findLast((segment) => segment.parts.length > 0);
  return last === undefined ? { msn: -1, part: -1 } : { msn: last.msn, part: last.parts.length - 1 };
}

const isBefore = (a: { msn: number; part: number }, b: { msn: number; part: number }): boolean =>
  a.msn < b.msn || (a.msn === b.msn && a.part < b.part);

/** Why a report is wrong, or null. A tolerance of one part either way covers the difference between two clients' requests. */
function reportFault(
  at: PlaylistSnapshot,
  other: PlaylistSnapshot[],
  report: ReadonlyMap<string, string>,
): string | null {
  const said = reportedPosition(report, lastPart(at.playlist));
  const slackMs = 1500 * (at.playlist.partTarget ?? 0) + 250;
  const least = other.findLast((one) => one.atMs < at.reload.exchange.doneMs - slackMs);
  const most = other.find((one) => one.atMs > at.reload.exchange.doneMs + slackMs);
  const text = `${report.get("URI")} at ${said.msn}.${said.part}`;
  if (least !== undefined && isBefore(said, lastPart(least.playlist)))
    return `${at.name} reports ${text}, which is old`;
  if (most !== undefined && isBefore(lastPart(most.playlist), said))
    return `${at.name} reports ${text}, which isn't out`;
  const segment = most?.playlist.segments.find((one) => one.msn === said.msn);
  const parts = segment?.parts.length ?? 0;
  if (parts > 0 && said.part >= parts) return `${at.name} reports ${text}, whose segment has ${parts} parts`;
  return null;
}

function checkReports(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  if (seen.tracks.length < 2) return ruleNotApplicable("one media playlist");
  const faults: string[] = [];
  let count = 0;
  const series = new Map(seen.tracks.map((track) => [track.url, trackSnapshots(track)]));
  for (const at of mediaSnapshots(seen).filter(({ playlist }) => !playlist.endList)) {
    const reports = new Map<string, ReadonlyMap<string, string>>();
    for (const report of at.playlist.reports) {
      const uri = report.get("URI") ?? "";
      if (/^[a-z][a-z0-9+.-]*:/i.test(uri) || uri === "") faults.push(`${at.name}: address ${uri || "missing"}`);
      if (uri.includes("_HLS_")) faults.push(`${at.name}: directives in ${uri}`);
      if (URL.canParse(uri, at.track.url)) reports.set(new URL(uri, at.track.url).href.split("?")[0] ?? "", report);
    }
    for (const track of seen.tracks) {
      const report = reports.get(track.url.split("?")[0] ?? "");
      if (track === at.track && report !== undefined) faults.push(`${at.name}: reports itself`);
      if (track === at.track) continue;
      if (report === undefined) {
        faults.push(`${at.name}: no report of ${trackLabel(track)}`);
        continue;
      }
      count += 1;
      const fault = reportFault(at, series.get(track.url) ?? [], report);
      if (fault !== null) faults.push(fault);
    }
  }
  return verdictFromFaults(faults, count, "reports");
}

/** These rules. */
export const PART_RULES: readonly ConformanceRule[] = [
  { rule: 9, title: "no part is longer than the part target", check: checkPartLengths },
  { rule: 10, title: "parts in the middle last at least 85 % of the part target", check: checkShortParts },
  { rule: 11, title: "parts with an independent frame are marked", check: checkIndependent },
  {
    rule: 17,
    title: "part tags are removed after three target durations, and the parts stay available as long again",
    check: checkPartWindow,
  },
  { rule: 18, title: "the next part is hinted, once", check: checkHints },
  { rule: 19, title: "the hinted part is the next published part", check: checkHintsComeTrue },
  {
    rule: 20,
    title: "no hint after the end",
    check: (seen) => {
      if (!hasEnded(seen))
        return seen.expectEnd ? ruleNotChecked("no end was seen") : ruleNotApplicable("the broadcast continues");
      const over = mediaSnapshots(seen).filter(({ playlist }) => playlist.endList);
      const hinted = over.find(({ playlist }) => playlist.hints.length > 0);
      return hinted === undefined
        ? ruleHeld(`${over.length} playlists`)
        : ruleBroken(`${hinted.name}: hints after the end`);
    },
  },
  { rule: 21, title: "every other playlist is reported with its last part", check: checkReports },
];
