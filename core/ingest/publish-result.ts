/** Answers to publishers as values: the Live object decides, the Worker turns them into responses. */
import { PUBLISH_PROBLEM_TYPES, type PublishProgress } from "./publish-api.ts";

/** An RFC 9457 problem. */
export interface ProblemDocument {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  /** What to do about it. */
  readonly detail: string;
}

/** What a PUT comes to. A problem may carry where the edge stands, so that the publisher can resend. */
export type PublishResult =
  | { readonly ok: true; readonly answer: PublishProgress }
  | { readonly ok: false; readonly problem: ProblemDocument; readonly answer?: PublishProgress };

const defineProblem =
  (status: number, type: string, title: string) =>
  (detail: string): ProblemDocument => ({ status, type, title, detail });

/** The publish API's problems; each takes its `detail`. */
export const publishProblems: Record<keyof typeof PUBLISH_PROBLEM_TYPES, (detail: string) => ProblemDocument> = {
  keyMissing: defineProblem(401, PUBLISH_PROBLEM_TYPES.keyMissing, "A stream key is needed"),
  keyWrong: defineProblem(403, PUBLISH_PROBLEM_TYPES.keyWrong, "This key doesn't open this stream"),
  alreadyLive: defineProblem(409, PUBLISH_PROBLEM_TYPES.alreadyLive, "Another publisher is live on this stream"),
  outOfOrder: defineProblem(409, PUBLISH_PROBLEM_TYPES.outOfOrder, "Not the part that comes next"),
  initMissing: defineProblem(409, PUBLISH_PROBLEM_TYPES.initMissing, "The part's init section is missing"),
  notOpen: defineProblem(409, PUBLISH_PROBLEM_TYPES.notOpen, "The broadcast is not open"),
  stopped: defineProblem(403, PUBLISH_PROBLEM_TYPES.stopped, "The stream was stopped"),
  ended: defineProblem(410, PUBLISH_PROBLEM_TYPES.ended, "The broadcast has ended"),
  tooSlow: defineProblem(408, PUBLISH_PROBLEM_TYPES.tooSlow, "Too slow"),
  tooLarge: defineProblem(413, PUBLISH_PROBLEM_TYPES.tooLarge, "Too large"),
  malformed: defineProblem(400, PUBLISH_PROBLEM_TYPES.malformed, "The request doesn't fit the publish API"),
  tooMany: defineProblem(429, PUBLISH_PROBLEM_TYPES.tooMany, "Too many requests from your network"),
  unavailable: defineProblem(503, PUBLISH_PROBLEM_TYPES.unavailable, "Not now"),
};
