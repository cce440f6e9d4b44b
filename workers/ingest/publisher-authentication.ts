/** Authentication of publishers, before a body is read: by a stream key, or by a publish token. */
import { isJwtFormat, type PublishTokenClaims, verifyPublishToken } from "../../core/access/publish-token.ts";
import { isStreamKeyFormat } from "../../core/access/stream-key.ts";
import type { ProblemDocument } from "../../core/api/problems.ts";
import { PUBLISH_PROBLEM_TYPES } from "../../core/ingest/publish-api.ts";
import { type PublishRefusal, publishProblems } from "../../core/ingest/publish-result.ts";
import type { PublisherCredential, PublisherIdentity } from "../../core/ingest/publisher-identity.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { readBearerToken, sha256Hex } from "../access/bearer-token.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import { isRoomRegistered } from "../access/stream-registry.ts";
import { VerifiedTokenCache } from "../access/verified-token-cache.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { EndedCredentials } from "./ended-credentials.ts";
import { checkStreamKey, invalidateStreamKeys } from "./publisher-keys.ts";
import { throwRefusal } from "./refused-publish.ts";

const verifiedTokens = new VerifiedTokenCache<{ readonly stream: StreamName; readonly claims: PublishTokenClaims }>();
const endedCredentials = new EndedCredentials();

/** The publisher of a request; a wrong credential, or one known to have ended, is refused. Throws `UpstreamError`. */
export function authenticatePublisher(scope: RequestScope, stream: StreamName, id: string): Promise<PublisherIdentity> {
  return authenticateCredential(scope, stream, readBearerToken(scope.request), id);
}

/** As `authenticatePublisher`, for a key or token that is not in the header; null: there is none. */
export async function authenticateCredential(
  scope: RequestScope,
  stream: StreamName,
  sent: string | null,
  id: string,
): Promise<PublisherIdentity> {
  const token = sent ?? throwRefusal(publishProblems.keyMissing());
  const credential = isJwtFormat(token)
    ? await authenticateByToken(scope, stream, token)
    : await authenticateByKey(scope, stream, token);
  const publisher = { stream, credential, id };
  const ended = endedCredentials.findRefusal(publisher, scope.platform.clock.monotonicMs());
  if (ended !== null) await refuseWrong(scope, ended);
  return publisher;
}

/** Remembers what the Live object has refused, so that the next request with the credential is refused here. */
export function recordRefusal(scope: RequestScope, publisher: PublisherIdentity, refusal: PublishRefusal): void {
  if (refusal.problem.type === PUBLISH_PROBLEM_TYPES.keyWrong) invalidateStreamKeys(publisher.stream);
  endedCredentials.record(publisher, refusal, scope.platform.clock.monotonicMs());
}

async function authenticateByKey(scope: RequestScope, stream: StreamName, key: string): Promise<PublisherCredential> {
  if (!isStreamKeyFormat(key)) return refuseWrong(scope, publishProblems.keyWrong());
  const hash = await sha256Hex(key);
  const actor = readRequestNetwork(scope.request) ?? "";
  const verdict = await checkStreamKey(scope, { stream, keyHash: hash, actor });
  if (verdict === "busy")
    throwRefusal(publishProblems.unavailable("Too many keys are being looked up; send this again."));
  return verdict === "wrong" ? refuseWrong(scope, publishProblems.keyWrong()) : { kind: "key", hash };
}

async function authenticateByToken(
  scope: RequestScope,
  stream: StreamName,
  token: string,
): Promise<PublisherCredential> {
  const known = verifiedTokens.get(token);
  if (known?.stream === stream) return { kind: "token", claims: known.claims };
  const nowMs = scope.platform.clock.nowMs();
  const claims = await verifyPublishToken(scope.config.viewerKeys, stream, token, nowMs);
  if (typeof claims === "string") return refuseWrong(scope, publishProblems.tokenWrong(TOKEN_ERROR_DETAILS[claims]));
  verifiedTokens.store(token, { stream, claims });
  // The token's issuer acts for the operator: the stream is registered with its first token.
  await isRoomRegistered(scope, stream, nowMs < claims.expiresMs);
  return { kind: "token", claims };
}

const TOKEN_ERROR_DETAILS = {
  "token-expired": "The token expires before its issue.",
  "token-malformed": "The token has not the claims of a publish token, or a lifetime of more than ten minutes.",
  "token-forged": "The signature is not by a key of this deployment.",
  "token-unsupported": "The deployment has no key for the token's algorithm.",
  "token-wrong-room": "The token is for another stream.",
} as const;

/** Refuses a wrong credential; a network that sends many gets 429. */
async function refuseWrong(scope: RequestScope, problem: ProblemDocument): Promise<never> {
  if ((await refuseOverRate(scope, "secrets")) === null) throwRefusal(problem);
  throwRefusal(publishProblems.tooMany("Your network has sent many wrong keys; send this again later."));
}
