/** Errors and unknown addresses as answers. */
import { StreamStoppedError } from "../../core/access/stream-stopped-error.ts";
import { UpstreamError } from "../../core/kit/upstream-client.ts";
import { stoppedStreamResponse } from "../access/playback-authorization.ts";
import { deliveryProblemResponse, UNKNOWN_STREAM_LIFETIME } from "../kit/responses.ts";

/** The answer to a request that failed. */
export function errorResponse(error: unknown): Response {
  if (error instanceof StreamStoppedError) return stoppedStreamResponse(error.stop);
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return deliveryProblemResponse(503, "Not now", "The edge couldn't answer; ask again.");
}

/** The answer to a request whose target and `Host` make no URL. */
export function invalidAddressResponse(): Response {
  return deliveryProblemResponse(400, "No address", "The request's target and `Host` make no address.");
}

/** The answer for an address that is none of the product's. */
export function unknownAddressResponse(): Response {
  return deliveryProblemResponse(404, "Not found", "There is nothing at this address.", UNKNOWN_STREAM_LIFETIME);
}
