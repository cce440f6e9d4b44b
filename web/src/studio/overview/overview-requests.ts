/** What the overview asks about one stream. A request that fails, or that the caller has no right to, tells nothing. */
import { nextScheduled, type ScheduledBroadcast } from "../../../../core/directory/stream-details.ts";
import { type HealthAnswer, parseHealthAnswer } from "../health/health-answer.ts";
import { parseStreamStatus, type StatusAnswer } from "../stream-status.ts";
import type { TileDetails } from "./stream-tile.ts";

const TIMEOUT_MS = 8_000;

/** The status of a stream; null if it is not told. */
export async function requestStatus(stream: string): Promise<StatusAnswer | null> {
  const answer = await request(`/api/streams/${stream}`, null);
  if (answer.status === 404) return "none";
  return parseStreamStatus(answer.body);
}

/** The title and the next announced broadcast at `nowMs`; null if nothing is told. */
export async function requestDetails(stream: string, nowMs: number): Promise<TileDetails | null> {
  return parseTileDetails((await request(`/api/streams/${stream}/details`, null)).body, nowMs);
}

/** The encoder's health without its samples; `denied`: the token has no right to it, null: it is not told. */
export async function requestHealth(
  stream: string,
  token: string,
  nowMs: number,
): Promise<HealthAnswer | "denied" | null> {
  const { status, body } = await request(`/api/streams/${stream}/health?after=${nowMs}`, token);
  return status === 401 || status === 403 ? "denied" : parseHealthAnswer(body);
}

/** The operator may read the policy of every name, whether it is a stream or not. */
const CHECKED_ADDRESS = "/api/streams/studio/access";

/** Whether this is the operator's token: `unknown` if the edge does not answer, or takes no further token for now. */
export async function checkOperatorToken(token: string): Promise<"right" | "wrong" | "unknown"> {
  const { status } = await request(CHECKED_ADDRESS, token);
  if (status === 200) return "right";
  return status === 401 || status === 403 ? "wrong" : "unknown";
}

/** The details in an answer, or null if there are none. */
export function parseTileDetails(body: unknown, nowMs: number): TileDetails | null {
  if (!isRecord(body)) return null;
  const { title, host, poster, schedule } = body;
  const path = isRecord(poster) ? poster["path"] : null;
  if (typeof title !== "string" || typeof host !== "string" || typeof path !== "string") return null;
  const announced = Array.isArray(schedule) ? schedule.filter(isScheduled) : [];
  const next = nextScheduled({ schedule: announced }, nowMs);
  return { title: title || host, host, poster: path, startsMs: next === null ? null : Date.parse(next.startsAt) };
}

const isScheduled = (value: unknown): value is ScheduledBroadcast =>
  isRecord(value) && typeof value["startsAt"] === "string";

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The status and the JSON of an answer; status 0 without one. */
async function request(
  path: string,
  token: string | null,
): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const response = await fetch(path, {
      cache: "no-store",
      ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: response.ok ? await response.json() : null };
  } catch {
    return { status: 0, body: null };
  }
}
