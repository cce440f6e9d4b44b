/** Types shared by the parts of delivery. */
import type { ProblemName } from "../../core/api/problems.ts";
import type { CacheOutcome } from "../../core/broadcast/stream-status.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import type { PullContext } from "./puller.ts";

/** One request for a resource of a stream. */
export interface StreamRequest extends PullContext {
  readonly request: Request;
}

/** A request that has been authorized. */
export interface DeliveryContext extends StreamRequest {
  /** The query that playlist URIs carry for this viewer; empty for a public stream. */
  readonly tokenQuery: string;
}

/** A response, and its outcome for the counters. */
export interface DeliveryAnswer {
  readonly response: Response;
  readonly outcome: CacheOutcome;
}

/** A response from this isolate's state. */
export const answerFromIsolate = (response: Response): DeliveryAnswer => ({ response, outcome: "hits" });

/** 404, from this isolate's state. */
export const notFoundAnswer = (detail: string, cacheControl: string): DeliveryAnswer =>
  answerFromIsolate(deliveryProblemResponse("not-found", detail, cacheControl));

/** A problem, from this isolate's state. */
export const problemAnswer = (name: ProblemName, detail?: string): DeliveryAnswer =>
  answerFromIsolate(problemResponse(name, detail));
