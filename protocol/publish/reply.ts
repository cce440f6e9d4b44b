/** Answers to publishers as values: the Live object decides, the Worker turns them into responses. */
import { PROBLEMS, type PublishAnswer } from "./api.ts";

/** An RFC 9457 problem. */
export interface Problem {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  /** What to do about it. */
  readonly detail: string;
}

/** What a PUT comes to. A problem may carry where the edge stands, so that the publisher can resend. */
export type PublishReply =
  | { readonly ok: true; readonly answer: PublishAnswer }
  | { readonly ok: false; readonly problem: Problem; readonly answer?: PublishAnswer };

const problem =
  (status: number, type: string, title: string) =>
  (detail: string): Problem => ({ status, type, title, detail });

/** The publish API's problems; each takes its `detail`. */
export const problems: Record<keyof typeof PROBLEMS, (detail: string) => Problem> = {
  keyMissing: problem(401, PROBLEMS.keyMissing, "A stream key is needed"),
  keyWrong: problem(403, PROBLEMS.keyWrong, "This key doesn't open this stream"),
  alreadyLive: problem(409, PROBLEMS.alreadyLive, "Another publisher is live on this stream"),
  outOfOrder: problem(409, PROBLEMS.outOfOrder, "Not the part that comes next"),
  initMissing: problem(409, PROBLEMS.initMissing, "The part's init section is missing"),
  notOpen: problem(409, PROBLEMS.notOpen, "The broadcast is not open"),
  stopped: problem(403, PROBLEMS.stopped, "The stream was stopped"),
  ended: problem(410, PROBLEMS.ended, "The broadcast has ended"),
  tooSlow: problem(408, PROBLEMS.tooSlow, "Too slow"),
  tooLarge: problem(413, PROBLEMS.tooLarge, "Too large"),
  malformed: problem(400, PROBLEMS.malformed, "The request doesn't fit the publish API"),
  tooMany: problem(429, PROBLEMS.tooMany, "Too many requests from your network"),
  unavailable: problem(503, PROBLEMS.unavailable, "Not now"),
};
