/** Rules 35–51: responses to playlist and part requests. */
import {
  type Observation,
  type PlaylistProbe,
  type RuleVerdict,
  ruleBroken,
  ruleHeld,
  ruleNotApplicable,
  ruleNotChecked,
  verdictFromFaults,
} from "../model.ts";
import { lastClosedSegment, type MediaPlaylist, type SegmentTag, segmentSeconds } from "../playlist-reader.ts";
import {
  type ConformanceRule,
  describeExchange,
  fetchedMedia,
  formatMs,
  hasEnded,
  hasParts,
  mediaSnapshots,
  probesNamed,
  quantile,
  trackLabel,
} from "./observation.ts";

const elapsedMs = ({ exchange }: Pick<PlaylistProbe, "exchange">): number => exchange.doneMs - exchange.sentMs;
/** A response without waiting: half a second allows for a busy machine, and no intended wait is shorter. */
const promptMs = (from: MediaPlaylist): number => Math.max(500, 750 * (from.partTarget ?? 1));
const offersBlocking = (seen: Observation): boolean =>
  mediaSnapshots(seen).some(({ playlist }) => playlist.serverControl?.get("CAN-BLOCK-RELOAD") === "YES");

/** Checks the probes of a name for faults; of several attempts at a playlist one correct response is enough. */
function judgeProbes(
  seen: Observation,
  names: PlaylistProbe["name"][],
  what: string,
  fault: (probe: PlaylistProbe) => string | null,
): RuleVerdict {
  const attempts = Map.groupBy(probesNamed(seen, ...names), ({ name, track, exchange }) =>
    // Requests without directives are different probes, each by its URL.
    name === "unknown-media" || name === "future-part" ? exchange.url : track.url,
  );
  const faults = [...attempts.values()].flatMap((group) => {
    const said = group.map(fault);
    const [first] = group;
    return first === undefined || said.includes(null) ? [] : [`${trackLabel(first.track)}: ${said[0]}`];
  });
  return verdictFromFaults(faults, attempts.size, what);
}

const judgeBlockingProbes = (...args: Parameters<typeof judgeProbes>): RuleVerdict =>
  offersBlocking(args[0]) ? judgeProbes(...args) : ruleNotApplicable("blocking reloads are not offered");

function refusalFault(probe: PlaylistProbe): string | null {
  const { msn, part } = probe.directives;
  const what = [msn === undefined ? "" : `segment ${msn}`, part === undefined ? "" : `part ${part}`].join(" ").trim();
  if (probe.exchange.status !== 400)
    return `${what} after segment ${lastClosedSegment(probe.from)}: ${describeExchange(probe)}, not 400`;
  return elapsedMs(probe) > promptMs(probe.from) ? `${what}: 400 only after ${formatMs(elapsedMs(probe))}` : null;
}

function checkParts(seen: Observation): RuleVerdict {
  const asked = seen.tracks.flatMap((track) => track.reloads.filter((one) => one.directives.part !== undefined));
  const faults = asked.flatMap(({ directives: { msn = 0, part = 0 }, exchange, playlist }) => {
    if (playlist === null) return [`${exchange.url}: ${exchange.failure ?? exchange.status}`];
    if (playlist.endList) return [];
    const last = playlist.segments.findLast((segment) => segment.uri !== null || segment.parts.length > 0);
    const reached = last !== undefined && (last.msn > msn || (last.msn === msn && last.parts.length > part));
    return reached ? [] : [`${exchange.url}: answered without that part`];
  });
  if (!offersBlocking(seen)) return ruleNotApplicable("blocking reloads are not offered");
  return asked.length === 0 && !hasParts(seen)
    ? ruleNotApplicable("no parts")
    : verdictFromFaults(faults, asked.length, "reloads");
}

function checkPastLast(probe: PlaylistProbe): string | null {
  if (probe.playlist === null) return describeExchange(probe);
  // The requested part is out already: the next part would come a part target later.
  if (elapsedMs(probe) <= Math.max(150, 750 * (probe.from.partTarget ?? 1))) return null;
  return `part ${probe.directives.part} of segment ${probe.directives.msn} waited ${formatMs(elapsedMs(probe))} though the next segment had begun`;
}

function checkSlidOut(probe: PlaylistProbe): string | null {
  if (probe.playlist === null) return `segment ${probe.directives.msn}: ${describeExchange(probe)}`;
  if (elapsedMs(probe) > promptMs(probe.from))
    return `segment ${probe.directives.msn} waited ${formatMs(elapsedMs(probe))}`;
  return probe.playlist.skipped > 0 ? "the playlist is not whole" : null;
}

function checkAfterEnd(seen: Observation): RuleVerdict {
  if (!hasEnded(seen))
    return seen.expectEnd ? ruleNotChecked("no end was seen") : ruleNotApplicable("the broadcast continues");
  return judgeProbes(seen, ["ended-directives"], "requests after the end", (probe) =>
    probe.playlist?.endList === true && elapsedMs(probe) <= promptMs(probe.from) ? null : describeExchange(probe),
  );
}

function checkLongWaits(seen: Observation): RuleVerdict {
  const asked = [
    ...seen.tracks.flatMap((track) => track.reloads.map((one) => ({ ...one, from: null }))),
    ...seen.probes,
  ];
  const limitMs = (one: (typeof asked)[number]): number =>
    3000 *
    (one.from?.targetDuration ?? one.playlist?.targetDuration ?? mediaSnapshots(seen)[0]?.playlist.targetDuration ?? 0);
  const long = asked.filter((one) => one.directives.msn !== undefined && elapsedMs(one) > limitMs(one) + 250);
  const faults = long.flatMap((one) =>
    one.exchange.status === 503 ? [] : [`${one.exchange.url}: ${describeExchange(one)}`],
  );
  return long.length === 0
    ? ruleNotApplicable("no request waited that long")
    : verdictFromFaults(faults, long.length, "long waits");
}

/** Whether a playlist has segments that a delta update must skip. */
function skippable({ segments, serverControl }: MediaPlaylist): boolean {
  const until = Number(serverControl?.get("CAN-SKIP-UNTIL") ?? Number.POSITIVE_INFINITY);
  const closed = segments.filter((segment) => segment.uri !== null);
  return closed.slice(1).reduce((sum, segment) => sum + segmentSeconds(segment), 0) > until + 0.001;
}

function checkDelta(seen: Observation): RuleVerdict {
  const faults: string[] = [];
  let skips = 0;
  for (const probe of probesNamed(seen, "skip", "skip-v2")) {
    const { playlist, from, directives } = probe;
    if (playlist === null) faults.push(`${directives.skip}: ${describeExchange(probe)}`);
    else if (playlist.skipped > 0) skips += 1;
    else if (skippable(from)) faults.push(`${trackLabel(probe.track)}: ${directives.skip} gave the full playlist`);
    if (playlist !== null && playlist.skipped > 0 && !from.serverControl?.has("CAN-SKIP-UNTIL")) {
      faults.push(`${trackLabel(probe.track)}: a delta update that was not offered`);
    }
  }
  for (const probe of probesNamed(seen, "ended-skip")) {
    if ((probe.playlist?.skipped ?? 1) > 0) faults.push("a delta update after the end");
  }
  if (faults.length > 0) return verdictFromFaults(faults, 0, "");
  const offered = mediaSnapshots(seen).some(({ playlist }) => playlist.serverControl?.has("CAN-SKIP-UNTIL"));
  if (!offered)
    return verdictFromFaults([], probesNamed(seen, "skip").length, "requests ignored, as nothing was offered");
  return skips > 0 ? ruleHeld(`${skips} delta updates`) : ruleNotChecked("no playlist was long enough to skip");
}

function checkRemovedRanges(seen: Observation): RuleVerdict {
  const ranges = mediaSnapshots(seen).some(({ playlist }) => playlist.dateRanges.length > 0);
  const offered = mediaSnapshots(seen).some(({ playlist }) => playlist.serverControl?.has("CAN-SKIP-DATERANGES"));
  if (!ranges || !offered)
    return ruleNotApplicable(ranges ? "skipping date ranges is not offered" : "no EXT-X-DATERANGE");
  return judgeProbes(seen, ["skip-v2"], "v2 delta updates", ({ playlist, exchange }) => {
    if (playlist === null) return `${exchange.status}`;
    if (playlist.skips.length === 0) return null;
    const removed = playlist.skips[0]?.get("RECENTLY-REMOVED-DATERANGES");
    if (removed === undefined) return "no RECENTLY-REMOVED-DATERANGES";
    return removed.includes(",") && !removed.includes("\t") ? "removed ranges are not tab separated" : null;
  });
}

/** A segment as far as a delta update must repeat it; an unchanged map may be omitted. */
const comparableSegment = (segment: SegmentTag): string => JSON.stringify({ ...segment, map: null, key: null });

function mergeFault(before: MediaPlaylist, full: MediaPlaylist, delta: MediaPlaylist): string | null {
  const known = before.segments.filter((one) => one.msn < delta.mediaSequence + delta.skipped);
  const merged = [...known.filter((one) => one.msn >= delta.mediaSequence), ...delta.segments];
  const list = merged.filter((one) => one.msn >= full.mediaSequence).map((one) => [one.msn, one] as const);
  const byMsn = new Map(list);
  for (const segment of full.segments) {
    const mine = byMsn.get(segment.msn);
    if (mine === undefined) return `segment ${segment.msn} is missing`;
    // Parts of skipped segments may have been removed meanwhile; those in the delta must be the full playlist's.
    const skipped = segment.msn < delta.mediaSequence + delta.skipped;
    const same = skipped ? mine.uri === segment.uri : comparableSegment(mine) === comparableSegment(segment);
    if (!same) return `segment ${segment.msn} differs`;
    if (mine.discontinuitySequence !== segment.discontinuitySequence && skipped)
      return `discontinuity at ${segment.msn}`;
  }
  return null;
}

/** A delta's discontinuity numbers begin after those it skipped, which the previous playlist has. */
function withNumbers(delta: MediaPlaylist, before: MediaPlaylist): MediaPlaylist {
  const skippedMarks = before.segments.filter(
    (one) => one.discontinuity && one.msn >= delta.mediaSequence && one.msn < delta.mediaSequence + delta.skipped,
  ).length;
  const segments = delta.segments.map((one) => ({
    ...one,
    discontinuitySequence: one.discontinuitySequence + skippedMarks,
  }));
  return { ...delta, segments };
}

/** The end of a playlist, by URLs: a wrong delta update may count its segments wrong. */
const momentOf = ({ segments, endList }: MediaPlaylist): string => {
  const last = segments.at(-1);
  return `${last?.uri} ${last?.parts.at(-1)?.uri} ${endList}`;
};

function checkMerge(seen: Observation): RuleVerdict {
  const faults: string[] = [];
  let count = 0;
  for (const track of seen.tracks) {
    for (const { before, full, delta } of track.deltas) {
      if (full.playlist === null || delta.playlist === null || delta.playlist.skipped === 0) continue;
      // Two responses may be a part apart; only responses of one moment can be compared.
      if (momentOf(full.playlist) !== momentOf(delta.playlist)) continue;
      count += 1;
      const fault = mergeFault(before, full.playlist, withNumbers(delta.playlist, before));
      if (fault !== null) faults.push(`${trackLabel(track)}: merged with the playlist before it, ${fault}`);
    }
  }
  if (count === 0 && !mediaSnapshots(seen).some(({ playlist }) => playlist.serverControl?.has("CAN-SKIP-UNTIL"))) {
    return ruleNotApplicable("delta updates are not offered");
  }
  return verdictFromFaults(faults, count, "delta updates merged with the playlist before them give the full one");
}

function checkHinted(seen: Observation): RuleVerdict {
  const hinted = seen.tracks.flatMap((track) => [...track.media.values()].filter((one) => one.hinted));
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const done = hinted.filter((one) => one.exchange.failure !== "unfinished");
  const faults = done.flatMap((one) => {
    const over = seen.tracks.some((track) => track.reloads.at(-1)?.playlist?.endList && track.media.has(one.uri));
    return one.exchange.status === 200 || over ? [] : [`${one.uri}: ${describeExchange(one)}`];
  });
  const waits = done.map((one) => one.exchange.doneMs - one.exchange.sentMs);
  return verdictFromFaults(
    faults,
    done.length,
    `hinted parts requested ahead, waiting ${formatMs(quantile(waits, 0.5))} on average`,
  );
}

function checkWholeParts(seen: Observation): RuleVerdict {
  const hinted = fetchedMedia(seen, "part").filter((one) => one.hinted && one.exchange.status === 200);
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const spread = hinted.map((one) => one.exchange.doneMs - one.exchange.firstByteMs);
  const target = mediaSnapshots(seen)[0]?.playlist.partTarget ?? 0;
  const slow = spread.filter((one) => one > Math.max(60, 400 * target)).length;
  const said = `first to last byte: ${formatMs(quantile(spread, 0.5))} in the middle, ${formatMs(Math.max(0, ...spread))} at most`;
  if (hinted.length === 0) return ruleNotChecked("no hinted part came");
  // One late packet is the network's; a server that sends frames as they are produced is slow nearly every time.
  return slow > 0.1 * hinted.length
    ? ruleBroken(`${slow} of ${hinted.length} parts trickled; ${said}`)
    : ruleHeld(said);
}

function checkIframeBlocking(seen: Observation): RuleVerdict {
  if (seen.iframes.length === 0) return ruleNotApplicable("no I-frame playlist");
  const parted = seen.iframes.some((track) =>
    track.reloads.some((one) => one.playlist?.segments.some((s) => s.parts.length > 0)),
  );
  if (parted) return ruleBroken("parts in an I-frame playlist");
  return judgeBlockingProbes(seen, ["iframes-blocking"], "blocking I-frame reloads", (probe) =>
    probe.playlist !== null &&
    (probe.playlist.endList || lastClosedSegment(probe.playlist) >= (probe.directives.msn ?? 0))
      ? null
      : `segment ${probe.directives.msn}: ${describeExchange(probe)} without it`,
  );
}

function checkRanges(seen: Observation): RuleVerdict {
  const pictures = seen.iframes.flatMap((track) => track.media.get("iframe") ?? []);
  const used = seen.iframes.some((track) =>
    track.reloads.some((one) => one.playlist?.segments.some((s) => s.byterange)),
  );
  if (!used) return ruleNotApplicable("no byte ranges used");
  const faults = pictures.flatMap((one) =>
    one.exchange.status === 206 ? [] : [`${one.uri}: ${describeExchange(one)}, not 206`],
  );
  return verdictFromFaults(faults, pictures.length, "ranges answered 206");
}

/** These rules. */
export const REQUEST_RULES: readonly ConformanceRule[] = [
  {
    rule: 35,
    title: "a segment number alone waits for the whole segment",
    check: (seen) =>
      judgeBlockingProbes(seen, ["whole-segment"], "requests", (probe) => {
        if (probe.playlist === null) return describeExchange(probe);
        const there = probe.playlist.endList || lastClosedSegment(probe.playlist) >= (probe.directives.msn ?? 0);
        return there ? null : `answered without segment ${probe.directives.msn}, after ${formatMs(elapsedMs(probe))}`;
      }),
  },
  { rule: 36, title: "a part number waits for that part or a later one", check: checkParts },
  {
    rule: 37,
    title: "a part past a segment's last is the first of the next",
    check: (seen) =>
      hasParts(seen)
        ? judgeBlockingProbes(seen, ["past-the-last-part"], "requests", checkPastLast)
        : ruleNotApplicable("no parts"),
  },
  {
    rule: 38,
    title: "a removed segment is answered at once with the whole playlist",
    check: (seen) => judgeBlockingProbes(seen, ["slid-out"], "requests", checkSlidOut),
  },
  { rule: 39, title: "directives are ignored after the end", check: checkAfterEnd },
  {
    rule: 40,
    title: "a part without a segment is refused",
    check: (seen) => judgeBlockingProbes(seen, ["part-without-msn"], "requests refused", refusalFault),
  },
  {
    rule: 41,
    title: "a segment too far ahead is refused at once",
    check: (seen) => judgeBlockingProbes(seen, ["msn-too-far"], "requests refused", refusalFault),
  },
  {
    rule: 42,
    title: "a part too far ahead is refused at once",
    check: (seen) =>
      hasParts(seen)
        ? judgeBlockingProbes(seen, ["part-too-far"], "requests refused", refusalFault)
        : ruleNotApplicable("no parts"),
  },
  { rule: 43, title: "a wait beyond three target durations ends with 503", check: checkLongWaits },
  { rule: 44, title: "delta updates are served if offered, and the directive is ignored otherwise", check: checkDelta },
  { rule: 45, title: "v2 delta updates list removed date ranges", check: checkRemovedRanges },
  { rule: 46, title: "a delta update contains everything that it does not skip", check: checkMerge },
  { rule: 47, title: "a hinted part can be requested and waits", check: checkHinted },
  { rule: 48, title: "no byte of a part is sent before the whole part is available", check: checkWholeParts },
  {
    rule: 49,
    title: "a part that was never hinted is not found",
    check: (seen) =>
      judgeProbes(seen, ["unknown-media", "future-part"], "unknown resources answered 404", (probe) =>
        probe.exchange.status === 404 ? null : `${probe.exchange.url}: ${describeExchange(probe)}, not 404`,
      ),
  },
  { rule: 50, title: "byte ranges are answered where they are used", check: checkRanges },
  { rule: 51, title: "I-frame playlists block on segments and have no parts", check: checkIframeBlocking },
];
