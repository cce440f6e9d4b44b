/** Rules 30, 31, 34: date ranges, keys, interstitials. */
import { type Observation, type RuleVerdict, ruleNotApplicable, verdictFromFaults } from "../model.ts";
import { allSnapshots, type ConformanceRule, consecutiveSnapshots, mediaSnapshots } from "./observation.ts";

function checkKeys(seen: Observation): RuleVerdict {
  const keyed = mediaSnapshots(seen).some(({ playlist }) => playlist.segments.some((one) => one.key !== null));
  if (!keyed) return ruleNotApplicable("no EXT-X-KEY");
  const pairs = consecutiveSnapshots(seen);
  const faults = pairs.flatMap(([was, now]) => {
    const keys = new Map(was.playlist.segments.map((one) => [one.msn, one.key]));
    const lost = now.playlist.segments.find((one) => keys.has(one.msn) && keys.get(one.msn) !== one.key);
    return lost === undefined ? [] : [`${now.name}: segment ${lost.msn} changed its key`];
  });
  return verdictFromFaults(faults, pairs.length, "reloads");
}

const dateRanges = (seen: Observation) => allSnapshots(seen).flatMap(({ playlist }) => playlist.dateRanges);

function checkDateRanges(seen: Observation): RuleVerdict {
  if (dateRanges(seen).length === 0) return ruleNotApplicable("no EXT-X-DATERANGE");
  const starts = new Map<string, string>();
  const faults: string[] = [];
  for (const range of dateRanges(seen)) {
    const id = range.get("ID") ?? "";
    const start = range.get("START-DATE") ?? starts.get(id) ?? "";
    if (starts.has(id) && starts.get(id) !== start) faults.push(`${id} was used for two ranges`);
    starts.set(id, start);
  }
  for (const [was, now] of consecutiveSnapshots(seen)) {
    const first = now.playlist.segments[0]?.pdtMs;
    const ids = new Set(now.playlist.dateRanges.map((range) => range.get("ID")));
    for (const range of was.playlist.dateRanges) {
      const endMs = Date.parse(range.get("START-DATE") ?? "") + 1000 * Number(range.get("DURATION") ?? 0);
      if (!ids.has(range.get("ID")) && first != null && endMs > first) faults.push(`${range.get("ID")} left too early`);
    }
  }
  return verdictFromFaults(faults, starts.size, "date ranges");
}

function checkInterstitials(seen: Observation): RuleVerdict {
  const all = dateRanges(seen).filter((range) => range.has("X-ASSET-URI") || range.has("X-ASSET-LIST"));
  if (all.length === 0) return ruleNotApplicable("no interstitials");
  const faults = all.flatMap((range) =>
    range.get("CLASS") === "com.apple.hls.interstitial" && range.has("X-ASSET-URI") !== range.has("X-ASSET-LIST")
      ? []
      : [`${range.get("ID")}: wrong CLASS, or not exactly one asset`],
  );
  return verdictFromFaults(faults, all.length, "interstitials");
}

/** These rules. */
export const METADATA_RULES: readonly ConformanceRule[] = [
  {
    rule: 30,
    title: "date ranges stay while they map to a listed segment, and IDs are not reused",
    check: checkDateRanges,
  },
  { rule: 31, title: "a key stays while it applies", check: checkKeys },
  { rule: 34, title: "interstitials have their class and one asset", check: checkInterstitials },
];
