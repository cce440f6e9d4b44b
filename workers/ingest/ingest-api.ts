/** The publish API's Worker side: validates requests, then passes plain values to the Live object. */

import type { ProblemDocument } from "../../core/api/problems.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { type BroadcastOpening, parseBroadcastOpening, parsePartMeta } from "../../core/ingest/publish-request.ts";
import { type PublishResult, publishProblems } from "../../core/ingest/publish-result.ts";
import {
  type BroadcastId,
  parseBroadcastId,
  parseTrackName,
  type StreamName,
  type TrackName,
} from "../../core/kit/ids.ts";
import { UpstreamError } from "../../core/kit/upstream-client.ts";
import { parseTrackFile } from "../../core/media/hls/media-path.ts";
import type { PublisherIdentity } from "../../durable-objects/live/live.ts";
import { readBearerToken, sha256Hex } from "../access/bearer-token.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { readRequestNetwork } from "../access/request-networks.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemDocumentResponse } from "../kit/responses.ts";
import { checkStreamKey, invalidateStreamKeys } from "./publisher-keys.ts";
import { readBodyBounded } from "./request-body.ts";

/** Bytes of an opening request's JSON. */
const MAX_OPENING_BYTES = 64 * 1024;
const PUBLISHER_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** A refused request; thrown anywhere, and turned into a response in one place. */
class PublishRefusal extends Error {
  readonly problem: ProblemDocument;
  constructor(problem: ProblemDocument) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The parts of an address, as text. */
export interface PublishAddress {
  readonly broadcast: string;
  readonly resource:
    | { readonly kind: "opening" | "end" }
    | { readonly kind: "file"; readonly track: string; readonly file: string };
}

/** A PUT to an address of the publish API. */
export async function handleIngest(
  scope: RequestScope,
  stream: StreamName,
  address: PublishAddress,
): Promise<Response> {
  try {
    return publishResponse(await publish(scope, stream, address));
  } catch (error) {
    if (error instanceof PublishRefusal) return problemDocumentResponse(error.problem);
    // The object was evicted or reset during the request: nothing is lost, the publisher resends.
    if (!(error instanceof UpstreamError)) console.warn("the Live object did not answer a publisher", error);
    return problemDocumentResponse(publishProblems.unavailable("The stream's Live object is restarting; send again."));
  }
}

async function publish(scope: RequestScope, stream: StreamName, address: PublishAddress): Promise<PublishResult> {
  const { request } = scope;
  const token = readBearerToken(request) ?? throwRefusal(publishProblems.keyMissing());
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (!PUBLISHER_ID.test(id))
    throwRefusal(publishProblems.malformed(`\`${PUBLISHER_HEADER}\` is 8–64 of A–Z a–z 0–9 _ -.`));
  const broadcast =
    parseBroadcastId(address.broadcast) ??
    throwRefusal(publishProblems.malformed("A broadcast's id is 8–32 of a–z 0–9."));
  const resource = parsePublishResource(request, address);
  const publisher: PublisherIdentity = { stream, keyHash: await sha256Hex(token), id };
  await authorizePublisher(scope, publisher, token);
  const result = await forwardToLiveObject(scope, publisher, broadcast, resource);
  if (!result.ok && result.problem.type === PUBLISH_PROBLEM_TYPES.keyWrong) invalidateStreamKeys(stream);
  return result;
}

/** Refuses a wrong key before the body is read. */
async function authorizePublisher(
  scope: RequestScope,
  { stream, keyHash }: PublisherIdentity,
  key: string,
): Promise<void> {
  const actor = readRequestNetwork(scope.request) ?? "";
  const verdict = await checkStreamKey(scope, { stream, key, keyHash, actor });
  if (verdict === "busy")
    throwRefusal(publishProblems.unavailable("Too many keys are being looked up; send this again."));
  if (verdict === "wrong" && (await refuseOverRate(scope, "secrets")) !== null) {
    throwRefusal(publishProblems.tooMany("Your network has sent many wrong keys; send this again later."));
  }
  if (verdict === "wrong") throwRefusal(publishProblems.keyWrong());
}

/** The content that a request publishes. */
type PublishResource =
  | { readonly kind: "opening" | "end" }
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  | { readonly kind: "part"; readonly track: TrackName; readonly meta: PartMeta };

function parsePublishResource(request: Request, { resource }: PublishAddress): PublishResource {
  if (resource.kind !== "file") return { kind: resource.kind };
  const track =
    parseTrackName(resource.track) ?? throwRefusal(publishProblems.malformed("A track's name is 1–32 of a–z 0–9 _ -."));
  const file = parseTrackFile(resource.file);
  switch (file?.kind) {
    case "init":
      return { kind: "init", track, version: file.version };
    case "part": {
      const meta = parsePartMeta(request.headers.get(PART_HEADER) ?? "");
      if (typeof meta === "string") throw new PublishRefusal(publishProblems.malformed(`\`${PART_HEADER}\`: ${meta}`));
      if (meta.msn !== file.msn || meta.part !== file.part) {
        throw new PublishRefusal(publishProblems.malformed(`The address and \`${PART_HEADER}\` name different parts.`));
      }
      return { kind: "part", track, meta };
    }
    default:
      throw new PublishRefusal(publishProblems.malformed("A file is `init-{version}.mp4` or `{msn}.{part}.m4s`."));
  }
}

async function forwardToLiveObject(
  { env, request, platform }: RequestScope,
  publisher: PublisherIdentity,
  broadcast: BroadcastId,
  resource: PublishResource,
): Promise<PublishResult> {
  const live = env.LIVE.getByName(publisher.stream);
  const withBytes = async (
    limit: number,
    use: (bytes: Uint8Array) => Promise<PublishResult>,
  ): Promise<PublishResult> => {
    const result = await readBodyBounded(platform.clock, request, publisher.stream, limit, use);
    return "status" in result ? throwRefusal(result) : result;
  };
  switch (resource.kind) {
    case "opening":
      return withBytes(MAX_OPENING_BYTES, async (bytes) => {
        const { config, playback } = parseOpeningBody(bytes, broadcast);
        return live.open(publisher, config, playback);
      });
    case "end":
      return live.end(publisher, broadcast);
    case "init":
      return withBytes(BROADCAST_LIMITS.initBytes, async (bytes) => {
        if (bytes.byteLength === 0)
          throw new PublishRefusal(publishProblems.malformed("An init section must not be empty."));
        return live.init(publisher, broadcast, resource.track, resource.version, bytes);
      });
    case "part":
      return withBytes(BROADCAST_LIMITS.partBytes, async (bytes) =>
        live.part(publisher, broadcast, resource.track, resource.meta, bytes),
      );
  }
}

function parseOpeningBody(bytes: Uint8Array, broadcast: BroadcastId): BroadcastOpening {
  const opening = parseBroadcastOpening(new TextDecoder().decode(bytes));
  if (typeof opening === "string") throw new PublishRefusal(publishProblems.malformed(opening));
  if (opening.config.broadcast !== broadcast) {
    throw new PublishRefusal(publishProblems.malformed("The address names another broadcast."));
  }
  return opening;
}

function throwRefusal(problem: ProblemDocument): never {
  throw new PublishRefusal(problem);
}

function publishResponse(result: PublishResult): Response {
  if (result.ok) return jsonResponse(result.answer);
  return problemDocumentResponse(result.problem, { members: result.answer ?? {} });
}
