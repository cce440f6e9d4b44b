/** Newcomers to a stream in this isolate: who is let in, and who is to come back when. */
import { Admission, admissionRates } from "../../protocol/tree/admission.ts";
import { EDGE_LIMITS } from "../../protocol/tree/limits.ts";
import type { StreamEdge } from "../../tiers/stream-edge.ts";
import type { Env } from "../env.ts";

/** With so many requests parked there is no room for more viewers: each of those who watch parks one or two again and again. */
const CROWDED = 0.75 * EDGE_LIMITS.parked;

const admissions = new WeakMap<StreamEdge, Admission>();

/** Lets a newcomer in (null), or tells after how many seconds to come back. Throws `TypeError` on settings that make no sense. */
export function askToJoin(env: Env, edge: StreamEdge): number | null {
  let admission = admissions.get(edge);
  if (admission === undefined) {
    admission = new Admission(admissionRates(env));
    admissions.set(edge, admission);
  }
  if (edge.parked >= CROWDED) return admission.comeBackS(Math.random());
  return admission.ask(Date.now(), Math.random());
}
