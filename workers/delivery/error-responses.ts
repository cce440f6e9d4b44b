/** Responses to failed requests. */
import { StreamStoppedError } from "../../core/access/stream-stopped-error.ts";
import { ConfigError } from "../../core/api/config.ts";
import { UpstreamError } from "../../core/kit/upstream-client.ts";
import { stoppedStreamResponse } from "../access/playback-authorization.ts";
import { problemResponse } from "../kit/responses.ts";

/** The response to a request that failed. */
export function errorResponse(error: unknown): Response {
  if (error instanceof StreamStoppedError) return stoppedStreamResponse(error.stop);
  if (error instanceof ConfigError) return problemResponse("misconfigured");
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return problemResponse("unavailable");
}
