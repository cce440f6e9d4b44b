/** Rules of keyframes and groups of pictures. They rise after a number of groups, and fall after twice as many. */
import type { GroupMeter, PictureGroup } from "./group-meter.ts";
import { HEALTH_THRESHOLDS as LIMIT } from "./health-limits.ts";
import { type HealthInputs, type HealthRule, healthReading } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** Senders round distances. */
const ROUNDING_MS = 50;

/** The rules. */
export const GROUP_RULES: readonly HealthRule[] = [
  {
    id: "keyframes-rare",
    forMs: 0,
    read: (inputs, isRaised) => {
      const groups = inputs.sender.leader?.groups;
      const isRefused = inputs.refusedFor === "keyframes-rare";
      const lengths = groups?.groups.map(({ lengthMs }) => lengthMs) ?? [];
      // A group that is open for too long is as bad as a complete one, and as two after twice that time.
      const openMs = groups?.openMs ?? 0;
      const all = [...lengths, ...[openMs, openMs / 2].filter(isTooLong)];
      if (!isRefused && !holdsForGroups(all, 2, isRaised, isTooLong)) return null;
      const longestMs = Math.max(0, ...all.slice(-4));
      return healthReading(
        severityOfGroups(inputs),
        longestMs,
        LIMIT.keyframeMs,
        SAY.keyframesRare(longestMs, inputs.decision.kind !== "passthrough"),
      );
    },
  },
  {
    id: "keyframes-often",
    forMs: 0,
    read: ({ sender: { leader } }, isRaised) => {
      const groups = leader?.groups.groups ?? [];
      const isShort = ({ lengthMs }: PictureGroup): boolean => lengthMs < LIMIT.oftenKeyframeMs - ROUNDING_MS;
      if (!holdsForGroups(groups, 5, isRaised, isShort)) return null;
      const recent = groups.slice(-5);
      const meanMs = recent.reduce((sum, { lengthMs }) => sum + lengthMs, 0) / recent.length;
      return healthReading("info", meanMs, LIMIT.oftenKeyframeMs, SAY.keyframesOften(meanMs));
    },
  },
  {
    id: "keyframes-uneven",
    forMs: 0,
    read: ({ sender: { leader } }, isRaised) => {
      const lengths = (leader?.groups.groups ?? []).slice(isRaised ? -20 : -10).map(({ lengthMs }) => lengthMs);
      if (lengths.length < 10) return null;
      const [leastMs, mostMs] = [Math.min(...lengths), Math.max(...lengths)];
      const spread = mostMs / leastMs - 1;
      if (!(spread > LIMIT.unevenShare)) return null;
      return healthReading("info", spread, LIMIT.unevenShare, SAY.keyframesUneven(leastMs, mostMs));
    },
  },
  {
    id: "gop-open",
    forMs: 0,
    read: (inputs, isRaised) => {
      const groups = inputs.sender.leader?.groups.groups ?? [];
      const isRefused = inputs.refusedFor === "gop-open";
      if (!isRefused && !holdsForGroups(groups, 2, isRaised, ({ isOpen }) => isOpen)) return null;
      return healthReading(severityOfGroups(inputs), 1, 0, SAY.gopOpen());
    },
  },
  {
    id: "tracks-not-aligned",
    forMs: 0,
    read: ({ sender }, isRaised) => {
      const { leader } = sender;
      if (leader === null || sender.videos.length < 2) return null;
      const limitMs = (leader.meter.periodMs ?? 1000 / 30) / 2 + 1;
      const worst = sender.videos
        .filter((video) => video !== leader)
        .flatMap(({ groups }) => [keyframeDistances(leader.groups, groups), keyframeDistances(groups, leader.groups)])
        .filter((distances) => holdsForGroups(distances, 2, isRaised, (distance) => distance > limitMs))
        .map((distances) => Math.max(...distances.slice(-4)));
      if (worst.length === 0) return null;
      const offMs = Math.max(...worst);
      return healthReading("error", offMs, limitMs, SAY.tracksNotAligned(offMs));
    },
  },
  {
    id: "b-frames",
    forMs: 0,
    read: ({ sender: { leader }, policy }, isRaised) => {
      const groups = leader?.groups.groups ?? [];
      if (!holdsForGroups(groups, 1, isRaised, ({ bFrames }) => bFrames > 0)) return null;
      const recent = groups.slice(-2);
      const count = Math.max(...recent.map(({ bFrames }) => bFrames));
      const delayMs = Math.max(...recent.map(({ reorderMs }) => reorderMs));
      return healthReading(policy.isLowestDelay ? "warning" : "info", count, 0, SAY.bFrames(count, delayMs));
    },
  },
];

const isTooLong = (lengthMs: number): boolean => lengthMs > LIMIT.keyframeMs + ROUNDING_MS;

/** An error where the picture is to be published as it is. */
function severityOfGroups({ decision, refusedFor }: HealthInputs): "error" | "warning" {
  return decision.kind === "passthrough" || refusedFor !== null ? "error" : "warning";
}

/** Whether each of the last `count` is bad; once raised, whether one of twice as many is. */
function holdsForGroups<T>(all: readonly T[], count: number, isRaised: boolean, isBad: (each: T) => boolean): boolean {
  if (isRaised) return all.slice(-2 * count).some(isBad);
  return all.length >= count && all.slice(-count).every(isBad);
}

/** Of each keyframe of `of` that `among` must have by now: the distance to the nearest one of `among`, milliseconds. */
function keyframeDistances(of: GroupMeter, among: GroupMeter): number[] {
  const others = among.keyTimes();
  const [first = Number.POSITIVE_INFINITY] = others;
  const untilMs = Math.min(of.highMs, among.highMs);
  return of
    .keyTimes()
    .filter((keyMs) => keyMs >= first - 1 && keyMs <= untilMs)
    .map((keyMs) => Math.min(...others.map((other) => Math.abs(other - keyMs))));
}
