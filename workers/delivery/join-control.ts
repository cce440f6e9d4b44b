/** Join admission of a stream in this isolate. */

import { getConfig } from "../../core/api/config.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { JoinAdmission, NetworkJoinAdmission } from "../../core/delivery/join-admission.ts";
import { EDGE_STREAM_LIMITS } from "../../core/delivery/node-limits.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { Env } from "../env.ts";
import { joinRetryResponse, tooManyRequestsResponse } from "../kit/responses.ts";

/** With this many parked requests there is no capacity for more viewers: each viewer keeps one or two parked. */
const MAX_PARKED_FOR_JOIN = 0.75 * EDGE_STREAM_LIMITS.parkedRequests;

interface StreamJoinControl {
  readonly all: JoinAdmission;
  readonly networks: NetworkJoinAdmission;
}

const joinControls = new WeakMap<EdgeStream, StreamJoinControl>();

/**
 * Admits a join (null), or returns the response with the retry time. `HEAD` gets the same response and takes no token,
 * since it starts no playback.
 */
export async function refuseJoin(env: Env, edge: EdgeStream, request: Request): Promise<Response | null> {
  const { all, networks } = getJoinControl(env, edge);
  const { clock, random } = edge.platform;
  const nowMs = clock.nowMs();
  if (request.method === "HEAD")
    return retryResponse(edge.parkedCount >= MAX_PARKED_FOR_JOIN ? 1 : all.checkJoin(nowMs, random()));
  const network = readRequestNetwork(request);
  if (network !== null && !networks.tryJoin(network, nowMs)) {
    edge.counters.countJoinRefusal("network");
    return tooManyRequestsResponse(1 + Math.floor(2 * random()));
  }
  const floodRefusal = await refuseOverRate({ env, request, platform: edge.platform }, "joins");
  if (floodRefusal !== null) {
    edge.counters.countJoinRefusal("network");
    return floodRefusal;
  }
  const isCrowded = edge.parkedCount >= MAX_PARKED_FOR_JOIN;
  const retryAfterS = isCrowded ? all.retryAfterS(random()) : all.tryJoin(nowMs, random());
  if (retryAfterS !== null) edge.counters.countJoinRefusal(isCrowded ? "parked" : "rate");
  return retryResponse(retryAfterS);
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
