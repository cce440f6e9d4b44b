/** The wait of a blocking request: for a playlist update, or for a part that a playlist announced. */
import type { WaitTarget } from "../../core/broadcast/parked-requests.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { DeliveryContext } from "./delivery-context.ts";

/** hls.js aborts a playlist request whose first byte takes 10 s. */
const MAX_BLOCKING_MS = 9_000;

/** A replica's decision on a request: `wait`, or a result. */
export type WaitDecision = { readonly kind: "wait"; readonly target: WaitTarget };

/** A request that may have to wait. */
export interface BlockingRequest<Decision, Answer> {
  readonly replica: Replica;
  readonly track: TrackName;
  readonly decide: (replica: Replica) => Decision | WaitDecision;
  /** Answers once it is decided, or can't be. */
  readonly answer: (awaited: AwaitedDecision<Decision>) => Answer | Promise<Answer>;
}

/** The result of a blocking request. */
export type AwaitedDecision<Decision> =
  | {
      readonly kind: "decided";
      readonly decision: Decision;
      readonly replica: Replica;
      /** When the request began to wait, milliseconds since the epoch; null if it did not. */
      readonly waitingSinceMs: number | null;
    }
  /** Another broadcast has replaced the replica's. */
  | { readonly kind: "replaced" }
  | { readonly kind: "timeout" };

const isWait = (decision: { readonly kind: string }): decision is WaitDecision => decision.kind === "wait";

/** Answers a request, at once if possible, else as soon as the replica allows. Throws `StreamStoppedError`. */
export function answerWhenDecided<Decision extends { readonly kind: string }, Answer>(
  context: DeliveryContext,
  blocking: BlockingRequest<Decision, Answer>,
): Answer | Promise<Answer> {
  const { replica, answer } = blocking;
  const decision = blocking.decide(replica);
  if (isWait(decision)) return waitForDecision(context, blocking, decision.target).then(answer);
  return answer({ kind: "decided", decision, replica, waitingSinceMs: null });
}

async function waitForDecision<Decision extends { readonly kind: string }>(
  { ctx, edge, request }: DeliveryContext,
  { replica: first, track, decide }: Omit<BlockingRequest<Decision, unknown>, "answer">,
  firstTarget: WaitTarget,
): Promise<AwaitedDecision<Decision>> {
  const { broadcast, targetDurationS } = first.config;
  const { clock } = edge.platform;
  const waitingSinceMs = clock.nowMs();
  // A server SHOULD answer 503 when it would have to wait for more than three target durations.
  const untilMs = clock.monotonicMs() + Math.min(3_000 * targetDurationS, MAX_BLOCKING_MS);
  const network = readRequestNetwork(request);
  let replica = first;
  let target = firstTarget;
  for (;;) {
    if (!(await edge.awaitTarget(ctx, { replica, track, target, untilMs, network }))) return { kind: "timeout" };
    const { currentReplica } = edge;
    if (currentReplica?.config.broadcast !== broadcast) return { kind: "replaced" };
    replica = currentReplica;
    const decision = decide(replica);
    if (!isWait(decision)) return { kind: "decided", decision, replica, waitingSinceMs };
    target = decision.target;
  }
}
