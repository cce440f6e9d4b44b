/** People's data, for those who run the deployment: what is held of a subject in all rooms, and its erasure. */
import type { Known } from "../durable-objects/keyring/keyring.ts";
import { jurisdictionOf, streamOf } from "../protocol/room/address.ts";
import { words } from "../protocol/room/fields.ts";
import { type Erasure, KEYRING_LIMITS, keyringName, keyringOf } from "../protocol/room/keyring.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import { jurisdictions, located } from "../tiers/located.ts";
import { refuseAdminStranger } from "./api.ts";
import type { Env } from "./env.ts";
import { deliveryProblem } from "./responses.ts";

/** `DELETE /api/subjects/{id}`: the subject's keys are destroyed; says what became of it, and when the last copies end. */
export async function eraseSubject(env: Env, request: Request, id: string): Promise<Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal !== null) return refusal;
  const subject = words(id, ROOM_LIMITS.nameChars);
  if (subject === null) return notASubject();
  const erasures: Erasure[] = await Promise.all(keyringsOf(env, subject).map((keyring) => keyring.erase(subject)));
  const sum = (count: (erasure: Erasure) => number): number => erasures.reduce((all, each) => all + count(each), 0);
  const atMs = Math.max(...erasures.map((erasure) => erasure.atMs));
  const pending = sum((erasure) => erasure.pending);
  return told(
    {
      subject,
      erasedAt: new Date(atMs).toISOString(),
      rooms: sum((erasure) => erasure.rooms),
      pending,
      recoveryCopiesEndAt: new Date(atMs + KEYRING_LIMITS.recoveryMs).toISOString(),
    },
    pending === 0 ? 200 : 202,
  );
}

/** `GET /api/subjects/{id}/export`: all that is held of the subject, as one JSON document that is sent as it is read. */
export async function exportSubject(env: Env, request: Request, id: string): Promise<Response> {
  const refusal = await refuseAdminStranger(env, request);
  if (refusal !== null) return refusal;
  const subject = words(id, ROOM_LIMITS.nameChars);
  if (subject === null) return notASubject();
  const known = await Promise.all(keyringsOf(env, subject).map((keyring) => keyring.known(subject)));
  const pieces = piecesOf(env, subject, known.flat());
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
  return new Response(body, { headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

async function* piecesOf(env: Env, subject: string, known: readonly Known[]): AsyncGenerator<string, undefined> {
  yield `{"subject":${JSON.stringify(subject)},"at":"${new Date().toISOString()}","rooms":[`;
  for (const [index, { room, tag }] of known.entries()) {
    const stub = located(env.ROOM, room);
    const { events, next, standing } = await stub.held(subject, tag, 0);
    const where = { stream: streamOf(room), jurisdiction: jurisdictionOf(room), ...standing };
    yield `${index === 0 ? "" : ","}${JSON.stringify(where).slice(0, -1)},"events":[${listed(events)}`;
    for (let after = next; after !== null; ) {
      const page = await stub.held(subject, tag, after);
      if (page.events.length > 0) yield `,${listed(page.events)}`;
      after = page.next;
    }
    yield "]}";
  }
  yield "]}\n";
  return undefined;
}

function listed(items: readonly unknown[]): string {
  return JSON.stringify(items).slice(1, -1);
}

/** The keyrings in which a subject may be known: one in each jurisdiction. */
function keyringsOf(env: Env, subject: string): ReturnType<Env["KEYRING"]["getByName"]>[] {
  return jurisdictions(env.KEYRING).map((each) => located(env.KEYRING, keyringName(keyringOf(subject), each)));
}

function notASubject(): Response {
  return deliveryProblem(400, "Not a subject", `A subject has 1 to ${ROOM_LIMITS.nameChars} characters.`);
}

function told(answer: object, status: 200 | 202): Response {
  return Response.json(answer, { status, headers: { "cache-control": "no-store" } });
}
