/** Asks the edge whether a sender's key may publish. */
import { request } from "undici";
import { isStreamKeyFormat } from "../../core/access/stream-key.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { startDeadline } from "../kit/deadline.ts";
import type { SenderAuthorization } from "./ingest-node.ts";
import type { IngestTarget } from "./published-broadcast.ts";
import type { SenderConnection } from "./sender-connection.ts";

/** An encoder waits for its answer about as long. */
const AUTHORIZE_MS = 5_000;
/** A response of the API is under 1 kB. */
const MAX_ANSWER_CHARS = 16_384;

/**
 * Checks keys with `POST /ingest/{stream}/session`, which takes no media and counts no use. Rejects if the edge cannot
 * be reached.
 */
export function createEdgeAuthorizer(
  edge: Pick<IngestTarget, "edge" | "publisher">,
  clock: Clock,
): (connection: SenderConnection) => Promise<SenderAuthorization> {
  return async ({ stream, key }) => {
    // A key is looked up only if it can be one.
    if (!isStreamKeyFormat(key)) return { kind: "refused", sentence: "The stream key is malformed; copy all of it." };
    const deadline = startDeadline(clock, AUTHORIZE_MS);
    try {
      const headers = { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: edge.publisher };
      const { statusCode, body } = await request(`${edge.edge}/ingest/${stream}/session`, {
        method: "POST",
        headers,
        signal: deadline.signal,
      });
      return judgeAnswer(statusCode, (await body.text()).slice(0, MAX_ANSWER_CHARS), { ...edge, key });
    } finally {
      deadline.cancel();
    }
  };
}

function judgeAnswer(status: number, text: string, target: IngestTarget): SenderAuthorization {
  const { live, title, detail, expiresAt } = parseAnswer(text);
  if (status === 200) {
    const isTaken = typeof live === "object" && live !== null && "isOwn" in live && live.isOwn !== true;
    if (isTaken) return { kind: "refused", sentence: "Another encoder is live with this stream; stop it first." };
    const expiresMs = typeof expiresAt === "string" ? Date.parse(expiresAt) : Number.NaN;
    return { kind: "granted", target: Number.isNaN(expiresMs) ? target : { ...target, keyExpiresMs: expiresMs } };
  }
  const told = [detail, title].find((each) => typeof each === "string" && each !== "");
  const sentence =
    status < 500
      ? `The stream key is refused: ${String(told ?? status)}`
      : "The edge cannot check the key now; try again.";
  return { kind: "refused", sentence };
}

function parseAnswer(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
