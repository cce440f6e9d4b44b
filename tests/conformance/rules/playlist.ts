/** Rules 1–8, 12–16, 22, 24, 25, 29, 32: a playlist's content, alone and compared with the previous one. */
import {
  type Observation,
  type RuleVerdict,
  ruleBroken,
  ruleHeld,
  ruleNotApplicable,
  ruleNotChecked,
  verdictFromFaults,
} from "../model.ts";
import { segmentSeconds } from "../playlist-reader.ts";
import { mappingFaults } from "./media.ts";
import {
  allSnapshots,
  type ConformanceRule,
  consecutiveSnapshots,
  EPSILON_S,
  hasEnded,
  largestPartTarget,
  mediaSnapshots,
  probesNamed,
  trackLabel,
} from "./observation.ts";

const everyPlaylist = (
  seen: Observation,
  fault: (one: ReturnType<typeof mediaSnapshots>[number]) => string | null,
): RuleVerdict => {
  const all = allSnapshots(seen);
  return verdictFromFaults(
    all.flatMap((one) => fault(one) ?? []),
    all.length,
    "playlists",
  );
};

function versionFault(text: string, version: number): string | null {
  const needs: [RegExp, number][] = [
    [/^#EXT-X-MAP:/m, 6],
    [/^#EXT-X-SKIP:/m, 9],
    [/RECENTLY-REMOVED-DATERANGES/, 10],
  ];
  const missed = needs.find(([tag, least]) => tag.test(text) && version < least);
  return missed === undefined ? null : `version ${version} with ${missed[0].source}, which needs ${missed[1]}`;
}

function checkVersions(seen: Observation): RuleVerdict {
  const deltas = seen.tracks.flatMap((track) => track.deltas.flatMap((pair) => pair.delta.playlist ?? []));
  const asked = probesNamed(seen, "skip", "skip-v2").flatMap((probe) => probe.playlist ?? []);
  const all = [...allSnapshots(seen).map((one) => one.playlist), ...deltas, ...asked];
  const faults = all.flatMap(({ text, versions }) => versionFault(text, versions[0] ?? 1) ?? []);
  return verdictFromFaults(faults, all.length, "playlists");
}

function checkTargetDurations(seen: Observation): RuleVerdict {
  return everyPlaylist(seen, ({ name, playlist: { targetDuration, segments } }) => {
    if (!Number.isInteger(targetDuration) || targetDuration < 1) return `${name}: target duration ${targetDuration}`;
    const long = segments.find((one) => one.durationS !== null && Math.round(one.durationS) > targetDuration);
    return long === undefined
      ? null
      : `${name}: segment ${long.msn} lasts ${long.durationS} s over ${targetDuration} s`;
  });
}

function checkFrozenTargets(seen: Observation): RuleVerdict {
  const pairs = consecutiveSnapshots(seen, true);
  const faults = pairs.flatMap(([was, now]) => [
    ...(was.playlist.targetDuration === now.playlist.targetDuration
      ? []
      : [`${now.name}: target duration went from ${was.playlist.targetDuration} to ${now.playlist.targetDuration}`]),
    ...(was.playlist.partTarget === now.playlist.partTarget
      ? []
      : [`${now.name}: part target went from ${was.playlist.partTarget} to ${now.playlist.partTarget}`]),
  ]);
  return verdictFromFaults(faults, pairs.length, "reloads");
}

function checkMediaSequence(seen: Observation): RuleVerdict {
  const faults = allSnapshots(seen).flatMap(({ name, playlist }) =>
    playlist.mediaSequencePlaced || playlist.mediaSequence === 0 ? [] : [`${name}: tag after the first segment`],
  );
  const pairs = consecutiveSnapshots(seen, true);
  for (const [was, now] of pairs) {
    if (now.playlist.mediaSequence < was.playlist.mediaSequence) {
      faults.push(`${now.name}: went back from ${was.playlist.mediaSequence} to ${now.playlist.mediaSequence}`);
    }
    const uris = new Map(was.playlist.segments.map((one) => [one.msn, one.uri]));
    const moved = now.playlist.segments.find((one) => uris.get(one.msn) != null && uris.get(one.msn) !== one.uri);
    if (moved !== undefined)
      faults.push(`${now.name}: number ${moved.msn} went from ${uris.get(moved.msn)} to ${moved.uri}`);
  }
  return verdictFromFaults(faults, pairs.length, "reloads");
}

function checkDiscontinuitySequence(seen: Observation): RuleVerdict {
  const pairs = consecutiveSnapshots(seen, true);
  const faults = pairs.flatMap(([was, now]) => {
    const numbers = new Map(was.playlist.segments.map((one) => [one.msn, one.discontinuitySequence]));
    const changed = now.playlist.segments.find(
      (one) => numbers.has(one.msn) && numbers.get(one.msn) !== one.discontinuitySequence,
    );
    return changed === undefined ? [] : [`${now.name}: segment ${changed.msn} changed its discontinuity number`];
  });
  const absent = allSnapshots(seen).find(({ playlist }) => playlist.discontinuitySequence === null);
  if (absent !== undefined) faults.push(`${absent.name}: no EXT-X-DISCONTINUITY-SEQUENCE`);
  return verdictFromFaults(faults, pairs.length, "reloads with the tag");
}

function checkHoldBacks(seen: Observation): RuleVerdict {
  const target = largestPartTarget(seen);
  if (target === 0) return ruleNotApplicable("no parts");
  return everyPlaylist(seen, ({ name, playlist: { serverControl, partTarget } }) => {
    if (partTarget === null) return null;
    const text = serverControl?.get("PART-HOLD-BACK");
    if (text === undefined) return `${name}: no PART-HOLD-BACK`;
    return Number(text) >= 3 * target - EPSILON_S ? null : `${name}: ${text} s for part targets up to ${target} s`;
  });
}

function checkSkipUntil(seen: Observation): RuleVerdict {
  const offered = allSnapshots(seen).filter(({ playlist }) => playlist.serverControl?.has("CAN-SKIP-UNTIL"));
  const lone = allSnapshots(seen).find(
    ({ playlist: { serverControl } }) =>
      serverControl?.has("CAN-SKIP-DATERANGES") && !serverControl.has("CAN-SKIP-UNTIL"),
  );
  if (lone !== undefined) return ruleBroken(`${lone.name}: CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL`);
  if (offered.length === 0) return ruleNotApplicable("delta updates are not offered");
  const short = offered.find(
    ({ playlist }) => Number(playlist.serverControl?.get("CAN-SKIP-UNTIL")) < 6 * playlist.targetDuration,
  );
  return short === undefined
    ? ruleHeld(`${offered.length} playlists`)
    : ruleBroken(`${short.name}: ${short.playlist.serverControl?.get("CAN-SKIP-UNTIL")} s`);
}

function checkSameControl(seen: Observation): RuleVerdict {
  const all = allSnapshots(seen).filter(({ playlist }) => !playlist.endList);
  const text = (one: (typeof all)[number]): string =>
    JSON.stringify([...(one.playlist.serverControl ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const [first] = all;
  if (first === undefined) return ruleNotChecked("no playlists seen");
  const other = all.find((one) => text(one) !== text(first));
  if (other !== undefined) return ruleBroken(`${first.name} says ${text(first)}, ${other.name} ${text(other)}`);
  return first.playlist.serverControl === null
    ? ruleNotApplicable("no server control")
    : ruleHeld(`${all.length} playlists`);
}

function checkProgramDateTimes(seen: Observation): RuleVerdict {
  const faults = mappingFaults(seen);
  let compared = 0;
  for (const { name, playlist } of allSnapshots(seen)) {
    if (playlist.segments.length > 0 && !playlist.segments.some((one) => one.pdtMs !== null))
      faults.push(`${name}: none`);
    for (const [i, segment] of playlist.segments.entries()) {
      const before = playlist.segments[i - 1];
      if (segment.discontinuity && segment.pdtMs === null)
        faults.push(`${name}: none at the discontinuity ${segment.msn}`);
      if (before?.pdtMs == null || segment.pdtMs === null || segment.discontinuity) continue;
      compared += 1;
      const off = segment.pdtMs - before.pdtMs - 1000 * segmentSeconds(before);
      if (Math.abs(off) > 50) faults.push(`${name}: segment ${segment.msn} is ${off.toFixed(0)} ms off the one before`);
    }
  }
  for (const [was, now] of consecutiveSnapshots(seen, true)) {
    const times = new Map(was.playlist.segments.map((one) => [one.msn, one.pdtMs]));
    const moved = now.playlist.segments.find((one) => times.get(one.msn) != null && times.get(one.msn) !== one.pdtMs);
    if (moved !== undefined) faults.push(`${now.name}: segment ${moved.msn} changed its time`);
  }
  return verdictFromFaults(faults, compared, "segments follow on the one before");
}

function checkLength(seen: Observation): RuleVerdict {
  const slid = mediaSnapshots(seen).filter(({ playlist }) => playlist.mediaSequence > 0 || playlist.endList);
  const faults = slid.flatMap(({ name, playlist }) => {
    const closed = playlist.segments.filter((one) => one.uri !== null);
    const seconds = closed.reduce((sum, one) => sum + segmentSeconds(one), 0);
    // A broadcast that had already ended lists nothing more.
    if (playlist.mediaSequence === 0) return [];
    if (seconds >= 3 * playlist.targetDuration - EPSILON_S && closed.length >= 6) return [];
    return [`${name}: ${closed.length} segments of ${seconds.toFixed(1)} s together`];
  });
  return slid.length === 0
    ? ruleNotChecked("nothing has slid out yet")
    : verdictFromFaults(faults, slid.length, "playlists");
}

function checkPlaylistType(seen: Observation): RuleVerdict {
  const live = allSnapshots(seen).filter(({ playlist }) => !playlist.endList);
  const faults = live.flatMap(({ name, playlist: { playlistType, mediaSequence } }) =>
    playlistType === "VOD" || (playlistType !== null && mediaSequence > 0) ? [`${name}: ${playlistType}`] : [],
  );
  return verdictFromFaults(faults, live.length, "live playlists");
}

function checkSkipTags(seen: Observation): RuleVerdict {
  const pairs = seen.tracks.flatMap((track) => track.deltas.map((pair) => ({ ...pair, name: trackLabel(track) })));
  const faults: string[] = [];
  let skips = 0;
  for (const { name, before, delta } of pairs) {
    const { playlist } = delta;
    if (playlist === null) continue;
    if (playlist.skips.length > 0) skips += 1;
    if (playlist.skips.length > 1) faults.push(`${name}: ${playlist.skips.length} EXT-X-SKIP tags`);
    if (playlist.skips.length > 0 && !(playlist.skipped > 0))
      faults.push(`${name}: SKIPPED-SEGMENTS=${playlist.skipped}`);
    const sameWindow = playlist.mediaSequence === before.mediaSequence;
    if (sameWindow && playlist.discontinuitySequence !== before.discontinuitySequence) {
      faults.push(`${name}: the discontinuity sequence changed with the skip`);
    }
  }
  if (faults.length === 0 && skips === 0) {
    const offered = mediaSnapshots(seen).some(({ playlist }) => playlist.serverControl?.has("CAN-SKIP-UNTIL"));
    return offered
      ? ruleNotChecked(`${pairs.length} delta updates, none long enough to skip`)
      : ruleNotApplicable("not offered");
  }
  return verdictFromFaults(faults, skips, "delta updates with a skip");
}

/** These rules. */
export const PLAYLIST_RULES: readonly ConformanceRule[] = [
  {
    rule: 1,
    title: "the first line is #EXTM3U, and there is at most one version tag",
    check: (seen) =>
      everyPlaylist(seen, ({ name, playlist: { text, versions } }) =>
        !/^#EXTM3U\r?\n/.test(text)
          ? `${name}: first line`
          : versions.length > 1
            ? `${name}: ${versions.length} versions`
            : null,
      ),
  },
  { rule: 2, title: "the version covers the tags used", check: checkVersions },
  { rule: 3, title: "the target duration is whole, and no segment rounds above it", check: checkTargetDurations },
  { rule: 4, title: "the target durations never change", check: checkFrozenTargets },
  {
    rule: 5,
    title: "the target duration is the same in all renditions",
    check: (seen) => {
      const values = [...new Set(allSnapshots(seen).map(({ playlist }) => playlist.targetDuration))];
      if (values.length === 0) return ruleNotChecked("no playlists seen");
      return values.length === 1 ? ruleHeld(`${values[0]} s everywhere`) : ruleBroken(`${values.join(", ")} s`);
    },
  },
  { rule: 6, title: "the media sequence counts removals and never goes back", check: checkMediaSequence },
  {
    rule: 7,
    title: "the discontinuity sequence counts removals, and is always present",
    check: checkDiscontinuitySequence,
  },
  {
    rule: 8,
    title: "EXT-X-PART-INF is present wherever there are parts",
    check: (seen) => {
      const parted = allSnapshots(seen).filter(({ playlist }) => playlist.segments.some((one) => one.parts.length > 0));
      const faults = parted.flatMap(({ name, playlist }) => (playlist.partTarget === null ? [`${name}: absent`] : []));
      return parted.length === 0
        ? ruleNotApplicable("no parts")
        : verdictFromFaults(faults, parted.length, "playlists with parts");
    },
  },
  {
    rule: 12,
    title: "a segment's tags stand before its first part",
    check: (seen) => {
      const segments = mediaSnapshots(seen).flatMap((one) =>
        one.playlist.segments.filter((segment) => segment.parts.length > 0),
      );
      const faults = segments.flatMap(({ msn, misplaced }) =>
        misplaced.map((tag) => `segment ${msn}: ${tag} after a part`),
      );
      return segments.length === 0
        ? ruleNotApplicable("no parts")
        : verdictFromFaults(faults, segments.length, "segments with parts");
    },
  },
  { rule: 13, title: "PART-HOLD-BACK is at least three times the largest part target", check: checkHoldBacks },
  {
    rule: 14,
    title: "HOLD-BACK is at least three target durations",
    check: (seen) =>
      everyPlaylist(seen, ({ name, playlist: { serverControl, targetDuration } }) => {
        const text = serverControl?.get("HOLD-BACK");
        return text === undefined || Number(text) >= 3 * targetDuration ? null : `${name}: ${text} s`;
      }),
  },
  { rule: 15, title: "CAN-SKIP-UNTIL is at least six target durations", check: checkSkipUntil },
  { rule: 16, title: "server control is the same in every media playlist", check: checkSameControl },
  { rule: 22, title: "program times are everywhere and consistent", check: checkProgramDateTimes },
  { rule: 24, title: "a sliding playlist keeps three target durations and six segments", check: checkLength },
  { rule: 25, title: "a sliding live playlist has no playlist type", check: checkPlaylistType },
  {
    rule: 29,
    title: "an ended broadcast's playlists end with EXT-X-ENDLIST",
    check: (seen) => {
      if (!hasEnded(seen))
        return seen.expectEnd ? ruleBroken("no end was seen") : ruleNotApplicable("the broadcast continues");
      const last = seen.tracks.map((track) => ({ name: trackLabel(track), playlist: track.reloads.at(-1)?.playlist }));
      return verdictFromFaults(
        last.flatMap(({ name, playlist }) => (playlist?.endList === true ? [] : [`${name}: still open`])),
        last.length,
        "playlists ended",
      );
    },
  },
  {
    rule: 32,
    title: "at most one skip tag, never of zero segments, with an unchanged discontinuity sequence",
    check: checkSkipTags,
  },
];
