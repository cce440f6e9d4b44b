/** Subject data: the export of a subject's data in all rooms, and its erasure. */

import { getObjectInJurisdiction, listJurisdictions } from "../../core/room/jurisdiction-namespace.ts";
import {
  type ErasureStatus,
  KEYRING_LIMITS,
  keyringIndexOfSubject,
  keyringObjectName,
} from "../../core/room/keyring.ts";
import { jurisdictionOfObject, streamOfRoom } from "../../core/room/object-names.ts";
import type { SubjectRoom } from "../../durable-objects/room/keyring/keyring.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse } from "../kit/responses.ts";

/** `DELETE /api/subjects/{id}`: destroys the subject's keys; 202 while rooms have not confirmed it. */
export async function handleSubjectErasure({ env }: RequestScope, subject: string): Promise<Response> {
  const erasures: ErasureStatus[] = await Promise.all(
    getKeyrings(env, subject).map((keyring) => keyring.erase(subject)),
  );
  const sum = (count: (erasure: ErasureStatus) => number): number =>
    erasures.reduce((all, each) => all + count(each), 0);
  const atMs = Math.max(...erasures.map((erasure) => erasure.atMs));
  const pending = sum((erasure) => erasure.pending);
  return jsonResponse(
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

/** `GET /api/subjects/{id}/export`: all data of the subject, as one streamed JSON document. */
export async function handleSubjectExport({ env, platform }: RequestScope, subject: string): Promise<Response> {
  const known = await Promise.all(getKeyrings(env, subject).map((keyring) => keyring.known(subject)));
  const at = new Date(platform.clock.nowMs()).toISOString();
  const pieces = generateExport(env, subject, at, known.flat());
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
  at: string,
  known: readonly SubjectRoom[],
): AsyncGenerator<string, undefined> {
  yield `{"subject":${JSON.stringify(subject)},"at":"${at}","rooms":[`;
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

/** The keyrings that may hold a subject's keys: one in each jurisdiction. */
function getKeyrings(env: Env, subject: string): ReturnType<Env["KEYRING"]["getByName"]>[] {
  return listJurisdictions(env.KEYRING).map((each) =>
    getObjectInJurisdiction(env.KEYRING, keyringObjectName(keyringIndexOfSubject(subject), each)),
  );
}
