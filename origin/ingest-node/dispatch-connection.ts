/** A node's connection to the dispatch object, by HTTP. */
import { request } from "undici";
import type { DispatchAnswer, NodeHeartbeat } from "../../core/dispatch/dispatch-message.ts";
import { DispatchAnswerSchema } from "../../core/dispatch/dispatch-schemas.ts";
import { type HeartbeatCall, LeaseClient } from "../../core/dispatch/lease-client.ts";
import type { Platform } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";

/** Limits of a request. */
const CONNECTION_LIMITS = {
  /** A node that ends does not wait longer for its goodbye. */
  leaveMs: 2_000,
  /** An answer has under 20 kB. */
  answerChars: 65_536,
} as const;

/** What a connection needs. */
export interface DispatchConnectionOptions {
  /** The edge whose dispatch object it is. */
  readonly url: string;
  /** Its ingest token. */
  readonly token: string;
  readonly node: string;
  readonly freePlaces: () => number;
  readonly log: Readonly<Record<"info" | "warn", (text: string) => void>>;
  readonly platform: Platform;
}

/** A client that is not started yet. */
export function createDispatchClient(options: DispatchConnectionOptions): LeaseClient {
  const { url, token, node, freePlaces, log, platform } = options;
  const instance = platform.newId();
  const address = `${url}/api/dispatch/nodes/${encodeURIComponent(node)}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const send = (message: NodeHeartbeat): HeartbeatCall => {
    const controller = new AbortController();
    const answer = sendHeartbeat(address, headers, message, controller.signal);
    return { answer, abort: () => controller.abort() };
  };
  const leave = async (): Promise<void> => {
    const deadline = startDeadline(platform.clock, CONNECTION_LIMITS.leaveMs);
    const body = JSON.stringify({ instance });
    try {
      const response = await request(address, { method: "DELETE", headers, body, signal: deadline.signal });
      await response.body.dump();
    } finally {
      deadline.cancel();
    }
  };
  const onReachable = (isReachable: boolean, reason: string): void => {
    if (isReachable) log.info("Dispatch answers again.");
    else log.warn(`Dispatch does not answer (${reason}): this node decides by its own places.`);
  };
  return new LeaseClient({ ...{ clock: platform.clock, instance, send, leave, freePlaces, onReachable } });
}

async function sendHeartbeat(
  address: string,
  headers: Record<string, string>,
  message: NodeHeartbeat,
  signal: AbortSignal,
): Promise<DispatchAnswer> {
  const { statusCode, body } = await request(address, {
    method: "PUT",
    headers,
    body: JSON.stringify(message),
    signal,
  });
  const text = (await body.text()).slice(0, CONNECTION_LIMITS.answerChars);
  if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
  return DispatchAnswerSchema.parse(JSON.parse(text));
}
