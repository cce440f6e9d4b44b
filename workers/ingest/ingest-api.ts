/** The publish API's Worker side: validates requests, then passes plain values to the Live object. */

import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { type ChunkedPartForm, parseChunkedPartForm } from "../../core/ingest/chunk-bundle.ts";
import { CHUNKS_HEADER, PART_HEADER, PUBLISHER_HEADER, partFileOfRest } from "../../core/ingest/publish-api.ts";
import { type BroadcastOpening, parseBroadcastOpening, parsePartMeta } from "../../core/ingest/publish-request.ts";
import { type PublishResult, publishProblems } from "../../core/ingest/publish-result.ts";
import type { PublisherIdentity } from "../../core/ingest/publisher-identity.ts";
import {
  type BroadcastId,
  parseBroadcastId,
  parseTrackName,
  type StreamName,
  type TrackName,
} from "../../core/kit/ids.ts";
import { parseTrackFile } from "../../core/media/hls/media-path.ts";
import { readBearerToken } from "../access/bearer-token.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readQuery } from "../kit/request-address.ts";
import { jsonResponse, problemDocumentResponse } from "../kit/responses.ts";
import { authenticatePublisher, recordRefusal } from "./publisher-authentication.ts";
import { answerPublisher, throwRefusal } from "./refused-publish.ts";
import { readBodyBounded } from "./request-body.ts";

/** Bytes of an opening request's JSON. */
const MAX_OPENING_BYTES = 64 * 1024;
/** The id of a publishing process. */
export const PUBLISHER_ID: RegExp = /^[A-Za-z0-9_-]{8,64}$/;

/** What an address of a broadcast names, as text. */
export type AddressedResource =
  | { readonly kind: "opening" | "handover" | "end" | "chunks" }
  | { readonly kind: "file"; readonly track: string; readonly file: string };

/** A PUT to an address of the publish API. */
export function handleIngest(
  scope: RequestScope,
  stream: StreamName,
  broadcast: string,
  resource: AddressedResource,
): Promise<Response> {
  return answerPublisher(async () => publishResponse(await publish(scope, stream, broadcast, resource)));
}

async function publish(
  scope: RequestScope,
  stream: StreamName,
  broadcastText: string,
  addressed: AddressedResource,
): Promise<PublishResult> {
  const { request } = scope;
  if (readBearerToken(request) === null) throwRefusal(publishProblems.keyMissing());
  const id = request.headers.get(PUBLISHER_HEADER) ?? "";
  if (!PUBLISHER_ID.test(id))
    throwRefusal(publishProblems.malformed(`\`${PUBLISHER_HEADER}\` is 8–64 of A–Z a–z 0–9 _ -.`));
  const broadcast =
    parseBroadcastId(broadcastText) ?? throwRefusal(publishProblems.malformed("A broadcast's id is 8–32 of a–z 0–9."));
  const resource = parsePublishResource(request, addressed);
  const publisher = await authenticatePublisher(scope, stream, id);
  const result = await forwardToLiveObject(scope, publisher, broadcast, resource);
  if (!result.ok) recordRefusal(scope, publisher, result);
  return result;
}

/** The content that a request publishes. */
type PublishResource =
  | { readonly kind: "opening" | "end" | "chunks" }
  | { readonly kind: "handover"; readonly isForced: boolean }
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  | {
      readonly kind: "part";
      readonly track: TrackName;
      readonly meta: PartMeta;
      readonly form: ChunkedPartForm | null;
    };

function parsePublishResource(request: Request, resource: AddressedResource): PublishResource {
  if (resource.kind === "handover") return { kind: "handover", isForced: readQuery(request.url).has("handover") };
  if (resource.kind !== "file") return { kind: resource.kind };
  const track =
    parseTrackName(resource.track) ?? throwRefusal(publishProblems.malformed("A track's name is 1–32 of a–z 0–9 _ -."));
  const partFile = partFileOfRest(resource.file);
  const file = parseTrackFile(partFile ?? resource.file);
  switch (file?.kind) {
    case "init":
      return { kind: "init", track, version: file.version };
    case "part": {
      const meta = parsePartMeta(request.headers.get(PART_HEADER) ?? "");
      if (typeof meta === "string") throwRefusal(publishProblems.malformed(`\`${PART_HEADER}\`: ${meta}`));
      if (meta.msn !== file.msn || meta.part !== file.part) {
        throwRefusal(publishProblems.malformed(`The address and \`${PART_HEADER}\` name different parts.`));
      }
      const form = partFile === null ? null : parseChunkedPartForm(request.headers.get(CHUNKS_HEADER) ?? "");
      if (typeof form === "string") throwRefusal(publishProblems.malformed(`\`${CHUNKS_HEADER}\`: ${form}`));
      return { kind: "part", track, meta, form };
    }
    default:
      throwRefusal(
        publishProblems.malformed("A file is `init-{version}.mp4`, `{msn}.{part}.m4s` or `{msn}.{part}.rest.m4s`."),
      );
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
    case "handover":
      return live.handover(publisher, broadcast, resource.isForced);
    case "end":
      return live.end(publisher, broadcast);
    case "init":
      return withBytes(BROADCAST_LIMITS.initBytes, async (bytes) => {
        if (bytes.byteLength === 0) throwRefusal(publishProblems.malformed("An init section must not be empty."));
        return live.init(publisher, broadcast, resource.track, resource.version, bytes);
      });
    case "part":
      return withBytes(BROADCAST_LIMITS.partBytes, async (bytes) => {
        const { track, meta, form } = resource;
        if (form === null) return live.part(publisher, broadcast, track, meta, bytes);
        return live.chunks(publisher, broadcast, bytes, { track, meta, form });
      });
    case "chunks":
      return withBytes(BROADCAST_LIMITS.partBytes, async (bytes) => live.chunks(publisher, broadcast, bytes, null));
  }
}

function parseOpeningBody(bytes: Uint8Array, broadcast: BroadcastId): BroadcastOpening {
  const opening = parseBroadcastOpening(new TextDecoder().decode(bytes));
  if (typeof opening === "string") throwRefusal(publishProblems.malformed(opening));
  if (opening.config.broadcast !== broadcast) {
    throwRefusal(publishProblems.malformed("The address names another broadcast."));
  }
  return opening;
}

function publishResponse(result: PublishResult): Response {
  if (result.ok) return jsonResponse(result.answer);
  return problemDocumentResponse(result.problem, { members: result.answer ?? {} });
}
