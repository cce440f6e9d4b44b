/** Refused publish requests: thrown anywhere in the publish API, and turned into a response in one place. */
import type { ProblemDocument } from "../../core/api/problems.ts";
import { publishProblems } from "../../core/ingest/publish-result.ts";
import { UpstreamError } from "../../core/kit/upstream-client.ts";
import { problemDocumentResponse } from "../kit/responses.ts";

/** A request that is refused with a problem. */
class RefusedPublish extends Error {
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Refuses the request. */
export function throwRefusal(problem: ProblemDocument): never {
  throw new RefusedPublish(problem);
}

/** The response to a publisher, whatever `answer` throws; `refuse` renders a problem. */
export async function answerPublisher(
  answer: () => Promise<Response>,
  refuse: (problem: ProblemDocument) => Response = problemDocumentResponse,
): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof RefusedPublish) return refuse(error.problem);
    // The object was evicted or reset during the request: nothing is lost, the publisher resends.
    if (!(error instanceof UpstreamError)) console.warn("the Live object did not answer a publisher", error);
    return refuse(publishProblems.unavailable("The stream's Live object is restarting; send again."));
  }
}
