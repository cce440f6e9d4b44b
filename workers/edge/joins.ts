/** Newcomers to a stream in this isolate: who is let in, and who is to come back when. */
import { Admission, admissionRates, NetworkAdmission } from "../../protocol/tree/admission.ts";
import { EDGE_LIMITS } from "../../protocol/tree/limits.ts";
import type { StreamEdge } from "../../tiers/stream-edge.ts";
import type { Env } from "../env.ts";
import { networkOfRequest } from "../networks.ts";
import { refuseFast } from "../rate-limits.ts";
import { comeBack, tooMany } from "../responses.ts";

/** With so many requests parked there is no room for more viewers: each of those who watch parks one or two again and again. */
const CROWDED = 0.75 * EDGE_LIMITS.parked;

interface Joins {
  readonly all: Admission;
  readonly networks: NetworkAdmission;
}

const joins = new WeakMap<StreamEdge, Joins>();

/**
 * Lets a newcomer in (null), or tells it when to come back. `HEAD` is told the same, but takes no seat: nobody plays what it
 * answers. Throws `TypeError` on settings that make no sense.
 */
export async function refuseToJoin(env: Env, edge: StreamEdge, request: Request): Promise<Response | null> {
  const { all, networks } = joinsOf(env, edge);
  const nowMs = Date.now();
  if (request.method === "HEAD") return answerOf(edge.parked >= CROWDED ? 1 : all.peek(nowMs, Math.random()));
  const network = networkOfRequest(request);
  if (network !== null && !networks.ask(network, nowMs)) return tooMany(1 + Math.floor(2 * Math.random()));
  const fast = await refuseFast(env, "joins", request);
  if (fast !== null) return fast;
  const comeBackS = edge.parked >= CROWDED ? all.comeBackS(Math.random()) : all.ask(nowMs, Math.random());
  return answerOf(comeBackS);
}

const answerOf = (comeBackS: number | null): Response | null => (comeBackS === null ? null : comeBack(comeBackS));

function joinsOf(env: Env, edge: StreamEdge): Joins {
  const known = joins.get(edge);
  if (known !== undefined) return known;
  const rates = admissionRates(env);
  const made = { all: new Admission(rates), networks: new NetworkAdmission(rates) };
  joins.set(edge, made);
  return made;
}
