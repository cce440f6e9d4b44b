/** Asks the edge whether a sender's key may publish. */
import { request } from "undici";
import { isJwtFormat } from "../../core/access/publish-token.ts";
import { isStreamKeyFormat } from "../../core/access/stream-key.ts";
import { parseProblemDocument } from "../../core/api/problem-responses.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import type { SenderAuthorization } from "./ingest-node.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import type { SenderConnection } from "./sender-connection.ts";

/** An encoder waits for its answer about as long. */
const AUTHORIZE_MS = 5_000;
/** No publisher is live. */
const OWN = { isOwn: true, broadcast: "" } as const;
/** A response of the API is under 1 kB. */
const MAX_ANSWER_CHARS = 16_384;

/**
 * Checks keys with `POST /ingest/{stream}/session`, which takes no media and counts no use. Rejects if the edge cannot
 * be reached.
 */
export function createEdgeAuthorizer(
  edge: Pick<IngestTarget, "edge" | "publisher">,
  clock: Clock,
): (connection: SenderConnection, ownBroadcast?: string | null) => Promise<SenderAuthorization> {
  return async ({ stream, key }, ownBroadcast = null) => {
    // A key is looked up only if it can be one.
    if (!isStreamKeyFormat(key) && !isJwtFormat(key))
      return { kind: "refused", sentence: "The stream key is malformed; copy all of it.", reason: "key" };
    const deadline = startDeadline(clock, AUTHORIZE_MS);
    try {
      const headers = { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: edge.publisher };
      const { statusCode, body } = await request(`${edge.edge}/ingest/${stream}/session`, {
        method: "POST",
        headers,
        signal: deadline.signal,
      });
      return judgeAnswer(statusCode, (await body.text()).slice(0, MAX_ANSWER_CHARS), { ...edge, key }, ownBroadcast);
    } finally {
      deadline.cancel();
    }
  };
}

function judgeAnswer(
  status: number,
  text: string,
  target: IngestTarget,
  ownBroadcast: string | null,
): SenderAuthorization {
  const { live, title, detail, expiresAt, role } = parseAnswer(text);
  if (status === 200) {
    const { isOwn, broadcast } =
      typeof live === "object" && live !== null ? { isOwn: true, broadcast: "", ...live } : OWN;
    // A broadcast of this node that is published with another key may get another sender.
    if (isOwn !== true && (ownBroadcast === null || broadcast !== ownBroadcast))
      return {
        kind: "refused",
        sentence: "Another encoder is live with this stream; stop it first.",
        reason: "in-use",
      };
    const expiresMs = typeof expiresAt === "string" ? Date.parse(expiresAt) : Number.NaN;
    const keyExpiresMs = Number.isNaN(expiresMs) ? {} : { keyExpiresMs: expiresMs };
    return { kind: "granted", target: { ...target, ...keyExpiresMs, role: role === "backup" ? "backup" : "primary" } };
  }
  const told = [detail, title].find((each) => typeof each === "string" && each !== "");
  // Too many requests, or an edge that fails, say nothing about the key.
  if (status >= 500 || status === 429)
    return { kind: "refused", sentence: "The edge cannot check the key now; try again.", reason: "overload" };
  const problem = parseProblemDocument(status, text);
  const sentence = `The stream key is refused: ${String(told ?? status)}`;
  return { kind: "refused", sentence, reason: "key", ...(problem === null ? {} : { problem }) };
}

function parseAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
