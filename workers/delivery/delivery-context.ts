/** What the parts of delivery hand one another. */
import type { ProblemName } from "../../core/api/problems.ts";
import type { CacheOutcome } from "../../core/broadcast/stream-status.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import type { PullContext } from "./puller.ts";

/** One request for something of a stream. */
export interface StreamRequest extends PullContext {
  readonly request: Request;
}

/** A request that has been authorized. */
export interface DeliveryContext extends StreamRequest {
  /** The query that playlists' addresses carry for this viewer; empty where the stream is public. */
  readonly tokenQuery: string;
}

/** An answer, and how it is counted. */
export interface DeliveryAnswer {
  readonly response: Response;
  readonly outcome: CacheOutcome;
}

/** An answer from what this isolate has. */
export const answerFromIsolate = (response: Response): DeliveryAnswer => ({ response, outcome: "hits" });

/** 404, from what this isolate knows. */
export const notFoundAnswer = (detail: string, cacheControl: string): DeliveryAnswer =>
  answerFromIsolate(deliveryProblemResponse("not-found", detail, cacheControl));

/** A problem, from what this isolate knows. */
export const problemAnswer = (name: ProblemName, detail?: string): DeliveryAnswer =>
  answerFromIsolate(problemResponse(name, detail));
