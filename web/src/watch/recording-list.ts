/** The stream's earlier broadcasts, as the API lists them. */
import { asJsonObject } from "../../../core/kit/json-fields.ts";

/** A broadcast that has ended. */
export interface ListedRecording {
  readonly broadcast: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly lengthMs: number;
}

const TIMEOUT_MS = 10_000;

/** Requests them, newest first, at most as many as the edge lists. Rejects if the edge does not answer. */
export async function fetchRecordings(stream: string): Promise<readonly ListedRecording[]> {
  const answer = await fetch(`/api/streams/${stream}/broadcasts`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.status === 404) return [];
  if (!answer.ok) throw new Error(`unexpected response ${answer.status}`);
  return parseRecordings(await answer.json());
}

/** Those that have ended, in a response body; what is malformed is left out. */
export function parseRecordings(body: unknown): ListedRecording[] {
  const { broadcasts } = asJsonObject(body) ?? {};
  if (!Array.isArray(broadcasts)) return [];
  return broadcasts.flatMap((each) => {
    const { broadcast, startedAt, endedAt } = asJsonObject(each) ?? {};
    if (typeof broadcast !== "string" || typeof startedAt !== "number" || typeof endedAt !== "number") return [];
    return [{ broadcast, startedAtMs: startedAt, lengthMs: Math.max(0, endedAt - startedAt) }];
  });
}
