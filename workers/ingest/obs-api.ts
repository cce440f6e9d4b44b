/** OBS's `GetClientConfiguration`: the key is checked, and the ladder for the client's canvas is answered. */
import type { ProblemDocument } from "../../core/api/problems.ts";
import { buildObsConfiguration, buildObsRefusal } from "../../core/ingest/obs/obs-configuration.ts";
import { type ObsRequest, readObsRequest } from "../../core/ingest/obs/obs-schemas.ts";
import { parsePublishTarget } from "../../core/ingest/rtmp/publish-target.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse } from "../kit/responses.ts";
import { fetchPublisherStatus } from "./ingest-node-api.ts";
import { authenticateCredential } from "./publisher-authentication.ts";
import { answerPublisher, throwRefusal } from "./refused-publish.ts";

/**
 * Answers OBS. With `stream` the authentication is a key of it, else it names the stream too: `{stream}?key={key}` or
 * `{stream}/{key}`. Refusals have the status 200: OBS shows no other response's body.
 */
export function handleClientConfiguration(
  scope: RequestScope,
  stream: StreamName | null,
  request: ObsRequest,
): Promise<Response> {
  const configId = scope.platform.newId();
  const refuse = (sentence: string): Response => jsonResponse(buildObsRefusal(configId, sentence));
  return answerPublisher(
    async () => {
      const target = parsePublishTarget(stream === null ? "live" : `live/${stream}`, request.authentication);
      if (typeof target === "string") return refuse(target);
      const publisher = await authenticateCredential(scope, target.stream, target.key, "");
      const status = await fetchPublisherStatus(scope, publisher);
      if ("ok" in status) throwRefusal(status.problem);
      const addresses = scope.config.ingestAddresses;
      if (addresses.rtmp === null && addresses.rtmps === null) return refuse(NO_RTMP);
      return jsonResponse(buildObsConfiguration({ configId, addresses, stream, ...readObsRequest(request) }));
    },
    (problem) => refuse(describeProblem(problem)),
  );
}

const NO_RTMP = "This edge names no RTMP address; its operator sets CORRAL_INGEST_ADDRESSES.";

const describeProblem = ({ title, detail }: ProblemDocument): string =>
  detail === undefined || detail === "" ? `${title}.` : `${title}: ${detail}`;
