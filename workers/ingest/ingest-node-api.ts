/** Handlers for ingest nodes, which check a sender before they take its media. */
import * as z from "zod/mini";
import { parseNetwork } from "../../core/access/network.ts";
import { STREAM_KEY_ID_PATTERN } from "../../core/access/stream-key.ts";
import { createProblem } from "../../core/api/problems.ts";
import type { HealthReport } from "../../core/ingest/health/health-check.ts";
import { HEALTH_REPORT_LIMITS, HealthReportBody } from "../../core/ingest/health/health-schemas.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { type PublishRefusal, publishProblems } from "../../core/ingest/publish-result.ts";
import type { PublisherIdentity, PublisherStatus } from "../../core/ingest/publisher-identity.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import { deriveStreamKey } from "../access/stream-key-secret.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse } from "../kit/responses.ts";
import { PUBLISHER_ID } from "./ingest-api.ts";
import { authenticatePublisher, recordRefusal } from "./publisher-authentication.ts";
import { checkStreamKey } from "./publisher-keys.ts";
import { answerPublisher, throwRefusal } from "./refused-publish.ts";
import { readBodyBounded } from "./request-body.ts";

/** `POST /ingest/{stream}/session`: what the publisher's key or token permits now; no use is counted. */
export function handleSession(scope: RequestScope, stream: StreamName): Promise<Response> {
  return answerPublisher(async () => {
    const publisher = await authenticatePublisher(scope, stream, readPublisherId(scope.request));
    const status = await fetchPublisherStatus(scope, publisher);
    if ("ok" in status) throwRefusal(status.problem);
    const { role, label, expiresMs, usesLeft, live } = status;
    const expiresAt = expiresMs === null ? null : new Date(expiresMs).toISOString();
    return jsonResponse({ stream, role, label, expiresAt, usesLeft, live });
  });
}

/**
 * `POST /ingest/{stream}/srt-passphrase`: the secret of a key that may publish now. Refused ids count against the network of
 * the sender's `address`, or else the node's.
 */
export function handlePassphrase(
  scope: RequestScope,
  stream: StreamName,
  { keyId, address }: { readonly keyId: string; readonly address?: string | undefined },
): Promise<Response> {
  return answerPublisher(async () => {
    const network = (address === undefined ? null : parseNetwork(address)) ?? readRequestNetwork(scope.request);
    const passphrase = await findPassphrase(scope, stream, keyId, network ?? "");
    if (passphrase !== null) return jsonResponse({ passphrase });
    const isOverRate = (await refuseOverRate(scope, "secrets", null, network)) !== null;
    if (isOverRate) throwRefusal(publishProblems.tooMany("The sender's network has shown many wrong keys."));
    throwRefusal(createProblem("not-found", "No usable key of the stream has this id."));
  });
}

/** `PUT /ingest/{stream}/health`: what an ingest node has measured of its sender, with the sender's key. */
export function handlePutHealth(scope: RequestScope, stream: StreamName): Promise<Response> {
  return answerPublisher(async () => {
    const { env, platform, request } = scope;
    const publisher = await authenticatePublisher(scope, stream, readPublisherId(request));
    const report = await readBodyBounded(platform.clock, request, stream, HEALTH_REPORT_LIMITS.bytes, parseReport);
    if ("status" in report) return throwRefusal(report);
    const refusal: PublishRefusal | null = await env.LIVE.getByName(stream).putHealth(publisher, report);
    if (refusal === null) return new Response(null, { status: 204 });
    recordRefusal(scope, publisher, refusal);
    return throwRefusal(refusal.problem);
  });
}

function parseReport(bytes: Uint8Array): HealthReport {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throwRefusal(publishProblems.malformed("Send the report as JSON."));
  }
  const parsed = HealthReportBody.safeParse(value);
  return parsed.success ? parsed.data : throwRefusal(publishProblems.malformed(z.prettifyError(parsed.error)));
}

async function findPassphrase(
  scope: RequestScope,
  stream: StreamName,
  keyId: string,
  actor: string,
): Promise<string | null> {
  const id = readPublisherId(scope.request);
  if (!STREAM_KEY_ID_PATTERN.test(keyId)) return null;
  // A key of another edge secret, or without an id in its text, has another hash.
  const derived = await deriveStreamKey(scope.config, stream, keyId);
  if (derived === null) return null;
  const { hash, secret } = derived;
  const verdict = await checkStreamKey(scope, { stream, keyHash: hash, actor });
  if (verdict === "busy") {
    throwRefusal(publishProblems.unavailable("Too many keys are being looked up; send this again."));
  }
  if (verdict === "wrong") return null;
  const status = await fetchPublisherStatus(scope, { stream, credential: { kind: "key", hash }, id });
  return "ok" in status ? null : secret;
}

/** What the Live object permits a publisher now; a refusal is remembered. */
export async function fetchPublisherStatus(
  scope: RequestScope,
  publisher: PublisherIdentity,
): Promise<PublisherStatus | PublishRefusal> {
  const status: PublisherStatus | PublishRefusal = await scope.env.LIVE.getByName(publisher.stream).publisherStatus(
    publisher,
  );
  if ("ok" in status) recordRefusal(scope, publisher, status);
  return status;
}

function readPublisherId(request: Request): string {
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (id !== "" && !PUBLISHER_ID.test(id))
    throwRefusal(publishProblems.malformed(`\`${PUBLISHER_HEADER}\` is invalid.`));
  return id;
}
