/** Newcomers to a stream in this isolate: who is let in, and who is to come back when. */

import { getConfig } from "../../core/api/config.ts";
import { JoinAdmission, NetworkJoinAdmission } from "../../core/delivery/join-admission.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import type { EdgeStream } from "../../core/delivery/workerd/edge-stream.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { Env } from "../env.ts";
import { joinRetryResponse, tooManyRequestsResponse } from "../kit/responses.ts";

/** With so many requests parked there is no room for more viewers: each of those who watch parks one or two again and again. */
const MAX_PARKED_FOR_JOIN = 0.75 * EDGE_STREAM_LIMITS.parkedRequests;

interface StreamJoinControl {
  readonly all: JoinAdmission;
  readonly networks: NetworkJoinAdmission;
}

const joinControls = new WeakMap<EdgeStream, StreamJoinControl>();

/**
 * Lets a newcomer in (null), or tells it when to come back. `HEAD` is told the same, but takes no seat: nobody plays what it
 * answers. Throws `TypeError` on settings that make no sense.
 */
export async function refuseJoin(env: Env, edge: EdgeStream, request: Request): Promise<Response | null> {
  const { all, networks } = getJoinControl(env, edge);
  const nowMs = Date.now();
  if (request.method === "HEAD")
    return retryResponse(edge.parkedCount >= MAX_PARKED_FOR_JOIN ? 1 : all.checkJoin(nowMs, Math.random()));
  const network = readRequestNetwork(request);
  if (network !== null && !networks.tryJoin(network, nowMs))
    return tooManyRequestsResponse(1 + Math.floor(2 * Math.random()));
  const fast = await refuseOverRate({ env, request, platform: systemPlatform }, "joins");
  if (fast !== null) return fast;
  const comeBackS =
    edge.parkedCount >= MAX_PARKED_FOR_JOIN ? all.retryAfterS(Math.random()) : all.tryJoin(nowMs, Math.random());
  return retryResponse(comeBackS);
}

const retryResponse = (retryAfterS: number | null): Response | null =>
  retryAfterS === null ? null : joinRetryResponse(retryAfterS);

function getJoinControl(env: Env, edge: EdgeStream): StreamJoinControl {
  const known = joinControls.get(edge);
  if (known !== undefined) return known;
  const rates = getConfig(env).joinRates;
  const made = { all: new JoinAdmission(rates), networks: new NetworkJoinAdmission(rates) };
  joinControls.set(edge, made);
  return made;
}
