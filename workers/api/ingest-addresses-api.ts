/** `GET …/ingest`: the addresses of ingest nodes. */
import type { StreamName } from "../../core/kit/ids.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse } from "../kit/responses.ts";

/** The listeners that creators of the stream send to. */
export function handleIngestAddresses({ config }: RequestScope, stream: StreamName): Response {
  return jsonResponse({ stream, ...config.ingestAddresses });
}
