/** `/live/…`: the hot path, which bypasses the router. */
import { getConfig } from "../../core/api/config.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";
import { makePrivate } from "../access/playback-authorization.ts";
import { addPlaybackProof } from "../access/playback-proof.ts";
import type { Env } from "../env.ts";
import { formatAllow, methodNotAllowedResponse, preflightResponse } from "../kit/http-methods.ts";
import { notFoundResponse, unavailableStreamResponse } from "../kit/responses.ts";
import { deliver } from "./deliver.ts";
import { openEdgeStream } from "./edge-streams.ts";
import { errorResponse } from "./error-responses.ts";
import { parseLivePath } from "./live-path.ts";

const LIVE_METHODS = formatAllow(["GET"]);

/** Handles a request for `/live/…`. */
export async function serveLivePath(
  platform: Platform,
  request: Request,
  env: Env,
  ctx: WaitUntilContext,
): Promise<Response> {
  const { method, url } = request;
  if (method === "OPTIONS") return preflightResponse(LIVE_METHODS);
  const path = parseLivePath(url);
  if (path === null) return notFoundResponse();
  if (method !== "GET" && method !== "HEAD") return methodNotAllowedResponse(LIVE_METHODS);
  try {
    const opened = openEdgeStream({ platform, env, request, ctx }, path.stream);
    const edge = opened instanceof Promise ? await opened : opened;
    if (typeof edge === "string") return unavailableStreamResponse(edge);
    const { response, outcome, countedStatus, isRestricted } = await deliver({ env, ctx, edge, request }, path);
    if (!("track" in path.file)) {
      await addPlaybackProof(getConfig(env), path.stream, request, response, platform.clock.nowMs());
    }
    if (isRestricted) makePrivate(response);
    edge.counters.countRequest(outcome, countedStatus);
    return response;
  } catch (error) {
    return errorResponse(error);
  }
}
