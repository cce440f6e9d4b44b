/** Responses to publishers as values: the Live object decides, the Worker turns them into responses. */
import type { ProblemName } from "../api/problem-names.ts";
import { createProblem, type ProblemDocument } from "../api/problems.ts";
import type { PublishProblem, PublishProgress } from "./publish-api.ts";

/** A refusal of a publisher. */
export interface PublishRefusal {
  readonly ok: false;
  readonly problem: ProblemDocument;
  /** The edge's progress, so that the publisher can resend. */
  readonly answer?: PublishProgress;
  /** Of a credential that begins no session any more: the publishers whose sessions go on with it. */
  readonly sessions?: readonly string[];
}

/** The result of a PUT. */
export type PublishResult = { readonly ok: true; readonly answer: PublishProgress } | PublishRefusal;

/** A refusal for this problem. */
export function refusePublish(why: PublishProblem, detail?: string): PublishRefusal {
  return { ok: false, problem: publishProblems[why](detail) };
}

const problemOf =
  (name: ProblemName, status?: number) =>
  (detail?: string): ProblemDocument =>
    createProblem(name, detail, status);

/** The publish API's problems by their names in `PUBLISH_PROBLEM_TYPES`; each takes its `detail`. */
export const publishProblems: Readonly<Record<PublishProblem, (detail?: string) => ProblemDocument>> = {
  keyMissing: problemOf("key-missing"),
  keyWrong: problemOf("key-wrong"),
  keyExpired: problemOf("key-expired"),
  keyUsed: problemOf("key-used"),
  tokenWrong: problemOf("publish-token-wrong"),
  alreadyLive: problemOf("already-live"),
  replaced: problemOf("replaced"),
  outOfOrder: problemOf("out-of-order"),
  initMissing: problemOf("init-missing"),
  chunksMissing: problemOf("chunks-missing"),
  notOpen: problemOf("not-open"),
  stopped: problemOf("stopped", 403),
  ended: problemOf("ended"),
  tooSlow: problemOf("too-slow"),
  tooLarge: problemOf("too-large"),
  malformed: problemOf("malformed"),
  tooMany: problemOf("too-many-requests"),
  unavailable: problemOf("unavailable"),
};
