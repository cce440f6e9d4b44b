/** Answers from an isolate's own state. */
import type { ProblemName } from "../../core/api/problem-names.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import type { DeliveryAnswer } from "./delivery-context.ts";

/** A response from this isolate's state. */
export const answerFromIsolate = (response: Response): DeliveryAnswer => ({ response, outcome: "hits" });

/** 404, from this isolate's state. */
export const notFoundAnswer = (detail: string, cacheControl: string): DeliveryAnswer =>
  answerFromIsolate(deliveryProblemResponse("not-found", detail, cacheControl));

/** A problem, from this isolate's state. */
export const problemAnswer = (name: ProblemName, detail?: string): DeliveryAnswer =>
  answerFromIsolate(problemResponse(name, detail));
