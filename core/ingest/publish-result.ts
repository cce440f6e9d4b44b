/** Responses to publishers as values: the Live object decides, the Worker turns them into responses. */
import { createProblem, type ProblemDocument, type ProblemName } from "../api/problems.ts";
import type { PublishProblem, PublishProgress } from "./publish-api.ts";

/** The result of a PUT. A problem may carry the edge's progress, so that the publisher can resend. */
export type PublishResult =
  | { readonly ok: true; readonly answer: PublishProgress }
  | { readonly ok: false; readonly problem: ProblemDocument; readonly answer?: PublishProgress };

const problemOf =
  (name: ProblemName, status?: number) =>
  (detail?: string): ProblemDocument =>
    createProblem(name, detail, status);

/** The publish API's problems by their names in `PUBLISH_PROBLEM_TYPES`; each takes its `detail`. */
export const publishProblems: Readonly<Record<PublishProblem, (detail?: string) => ProblemDocument>> = {
  keyMissing: problemOf("key-missing"),
  keyWrong: problemOf("key-wrong"),
  alreadyLive: problemOf("already-live"),
  outOfOrder: problemOf("out-of-order"),
  initMissing: problemOf("init-missing"),
  notOpen: problemOf("not-open"),
  stopped: problemOf("stopped", 403),
  ended: problemOf("ended"),
  tooSlow: problemOf("too-slow"),
  tooLarge: problemOf("too-large"),
  malformed: problemOf("malformed"),
  tooMany: problemOf("too-many-requests"),
  unavailable: problemOf("unavailable"),
};
