/** The state of a stream's ingest in one sentence; pure. */
import type { HealthAnswer } from "./health-answer.ts";

/** A word for the badge, and the sentence. */
export interface HealthVerdict {
  readonly word: string;
  readonly sentence: string;
}

/** The verdict. `isLive`: the stream has a live broadcast, whoever publishes it. */
export function describeVerdict({ state, reportedMs, checks }: HealthAnswer, isLive: boolean): HealthVerdict {
  if (reportedMs === null) {
    return {
      word: "Not measured",
      sentence: isLive
        ? "No ingest node measures this stream: its publisher reads the source itself (npm start -- INPUT)."
        : "No encoder is connected. Its health appears here when one is.",
    };
  }
  const count = (severity: string): number => checks.filter((check) => check.severity === severity).length;
  const hints = count("info") === 0 ? "" : ` ${counted(count("info"), "hint")} below.`;
  switch (state) {
    case "good":
      return { word: "Good", sentence: `The encoder’s media arrives as it should.${hints}` };
    case "fair":
      return { word: "Fair", sentence: whatIsBelow(count("warning"), "warning", "cost", "quality or delay") };
    case "bad":
      return { word: "Bad", sentence: whatIsBelow(count("error"), "error", "harm", "what viewers see") };
    case "revoked":
      return { word: "Revoked", sentence: "The encoder was cut, because its stream key was revoked." };
    case "no-data":
      return checks.length > 0
        ? { word: "No data", sentence: "Nothing arrives from the encoder." }
        : { word: "No data", sentence: "No encoder is connected." };
  }
}

const counted = (count: number, noun: string): string => (count === 1 ? `1 ${noun}` : `${count} ${noun}s`);

const whatIsBelow = (count: number, noun: string, verb: string, what: string): string =>
  count === 1 ? `One ${noun} below ${verb}s ${what}.` : `${count} ${noun}s below ${verb} ${what}.`;
