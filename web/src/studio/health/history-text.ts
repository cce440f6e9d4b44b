/** A past broadcast in words: its verdict, and what happened in it; pure. */
import type { HealthSeverity } from "../../../../core/ingest/health/health-check.ts";
import { formatDuration } from "../format.ts";
import type { HistoryAnswer, PastBroadcast, PastEvent } from "./history-answer.ts";

/** A word for the badge, the class of its colour, and the sentence. */
export interface PastVerdict {
  readonly state: "good" | "fair" | "bad" | "none";
  readonly word: string;
  readonly sentence: string;
}

/** The verdict on a broadcast. */
export function describePastBroadcast({ checks, interruptions, isMeasured }: PastBroadcast): PastVerdict {
  const lost =
    interruptions === 0 ? "" : ` Its publisher was lost ${interruptions === 1 ? "once" : `${interruptions} times`}.`;
  if (checks.error > 0) {
    const others = checks.warning === 0 ? "" : `, and ${counted(checks.warning, "warning")} cost quality or delay`;
    return {
      ...{ state: "bad", word: "Bad" },
      sentence: `${counted(checks.error, "error")} harmed what viewers saw${others}.${lost}`,
    };
  }
  if (checks.warning > 0) {
    return {
      ...{ state: "fair", word: "Fair" },
      sentence: `${counted(checks.warning, "warning")} cost quality or delay.${lost}`,
    };
  }
  if (interruptions > 0) return { state: "fair", word: "Fair", sentence: lost.trim() };
  if (!isMeasured) return { state: "none", word: "Not measured", sentence: "No ingest node measured it." };
  return { state: "good", word: "Good", sentence: "The encoder’s media arrived as it should." };
}

/** One line of what happened in a broadcast. */
export interface PastLine {
  readonly atMs: number;
  readonly severity: HealthSeverity | null;
  readonly text: string;
}

/** Checks and events of a broadcast in the order of their times. */
export function listPastLines({ checks, events }: Pick<HistoryAnswer, "checks" | "events">): PastLine[] {
  return [
    ...checks.map(({ severity, say, raisedMs, clearedMs }): PastLine => {
      const lasted =
        clearedMs === null ? "It is still so." : `It lasted ${formatDuration((clearedMs - raisedMs) / 1000)}.`;
      return { atMs: raisedMs, severity, text: `${say} ${lasted}` };
    }),
    ...events.map((event): PastLine => ({ atMs: event.atMs, severity: null, text: describePastEvent(event) })),
  ].sort((a, b) => a.atMs - b.atMs);
}

/** Why an encoder was gone, and why a broadcast ended, by the reasons of the API. */
const GONE: Readonly<Record<string, string>> = {
  goodbye: "The encoder said goodbye.",
  lost: "The encoder’s connection broke.",
  invalid: "The encoder sent something invalid and was cut.",
  closed: "The encoder was cut.",
};
const ENDED: Readonly<Record<string, string>> = {
  abandoned: "The broadcast ended, because its publisher did not come back.",
  replaced: "The broadcast ended, because another one began.",
};

function describePastEvent({ kind, detail }: PastEvent): string {
  const by = detail === null ? "" : ` by ${detail.toUpperCase()}`;
  switch (kind) {
    case "broadcast-started":
      return "The broadcast began.";
    case "broadcast-reconnecting":
      return "Nothing came from the publisher.";
    case "broadcast-resumed":
      return "The publisher was back.";
    case "broadcast-ended":
      return ENDED[detail ?? ""] ?? "The broadcast ended.";
    case "ingest-connected":
      return `An encoder connected${by}.`;
    case "ingest-resumed":
      return `The encoder connected again${by}, and the broadcast went on.`;
    case "ingest-refused":
      return `An encoder was refused: ${detail ?? "no reason was told."}`;
    case "ingest-disconnected":
      return GONE[detail ?? ""] ?? "The encoder was gone.";
    case "ingest-backup":
      return "Another encoder took the broadcast over.";
    default:
      return kind;
  }
}

const counted = (count: number, noun: string): string => (count === 1 ? `One ${noun}` : `${count} ${noun}s`);
