/** People's data, for those who run the deployment: what is held of a subject in all rooms, and its erasure. */

import { readText } from "../../core/kit/json-fields.ts";
import { getObjectInJurisdiction, listJurisdictions } from "../../core/room/jurisdiction-namespace.ts";
import {
  type ErasureStatus,
  KEYRING_LIMITS,
  keyringIndexOfSubject,
  keyringObjectName,
} from "../../core/room/keyring.ts";
import { jurisdictionOfObject, streamOfRoom } from "../../core/room/object-names.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { SubjectRoom } from "../../durable-objects/room/keyring/keyring.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse } from "../kit/responses.ts";
import { requireAdminToken } from "./stream-api.ts";

/** `DELETE /api/subjects/{id}`: the subject's keys are destroyed; says what became of it, and when the last copies end. */
export async function handleSubjectErasure(env: Env, request: Request, id: string): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const subject = readText(id, ROOM_LIMITS.nameChars);
  if (subject === null) return invalidSubjectResponse();
  const erasures: ErasureStatus[] = await Promise.all(
    getKeyrings(env, subject).map((keyring) => keyring.erase(subject)),
  );
  const sum = (count: (erasure: ErasureStatus) => number): number =>
    erasures.reduce((all, each) => all + count(each), 0);
  const atMs = Math.max(...erasures.map((erasure) => erasure.atMs));
  const pending = sum((erasure) => erasure.pending);
  return erasureResponse(
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
export async function handleSubjectExport(env: Env, request: Request, id: string): Promise<Response> {
  const refusal = await requireAdminToken(env, request);
  if (refusal !== null) return refusal;
  const subject = readText(id, ROOM_LIMITS.nameChars);
  if (subject === null) return invalidSubjectResponse();
  const known = await Promise.all(getKeyrings(env, subject).map((keyring) => keyring.known(subject)));
  const pieces = generateExport(env, subject, known.flat());
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

async function* generateExport(
  env: Env,
  subject: string,
  known: readonly SubjectRoom[],
): AsyncGenerator<string, undefined> {
  yield `{"subject":${JSON.stringify(subject)},"at":"${new Date().toISOString()}","rooms":[`;
  for (const [index, { room, tag }] of known.entries()) {
    const stub = getObjectInJurisdiction(env.ROOM, room);
    const { events, next, standing } = await stub.exportSubject(subject, tag, 0);
    const where = { stream: streamOfRoom(room), jurisdiction: jurisdictionOfObject(room), ...standing };
    yield `${index === 0 ? "" : ","}${JSON.stringify(where).slice(0, -1)},"events":[${joinJsonItems(events)}`;
    for (let after = next; after !== null; ) {
      const page = await stub.exportSubject(subject, tag, after);
      if (page.events.length > 0) yield `,${joinJsonItems(page.events)}`;
      after = page.next;
    }
    yield "]}";
  }
  yield "]}\n";
  return undefined;
}

function joinJsonItems(items: readonly unknown[]): string {
  return JSON.stringify(items).slice(1, -1);
}

/** The keyrings in which a subject may be known: one in each jurisdiction. */
function getKeyrings(env: Env, subject: string): ReturnType<Env["KEYRING"]["getByName"]>[] {
  return listJurisdictions(env.KEYRING).map((each) =>
    getObjectInJurisdiction(env.KEYRING, keyringObjectName(keyringIndexOfSubject(subject), each)),
  );
}

function invalidSubjectResponse(): Response {
  return deliveryProblemResponse(400, "Not a subject", `A subject has 1 to ${ROOM_LIMITS.nameChars} characters.`);
}

function erasureResponse(answer: object, status: 200 | 202): Response {
  return Response.json(answer, { status, headers: { "cache-control": "no-store" } });
}
