/** What the routes of publishers and of ingest nodes have in common. */
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import type { ParameterSpec, RouteSpec } from "../kit/route-spec.ts";

/** Who may call, and the refusals of a key or token. */
export const KEYED_ROUTE: Required<Pick<RouteSpec, "security" | "problems">> = {
  security: ["streamKey", "publishToken"],
  problems: [
    "key-missing",
    "key-wrong",
    "key-expired",
    "key-used",
    "publish-token-wrong",
    "malformed",
    "stopped",
    "too-many-requests",
  ],
};

/** The header that names the publishing process. */
export const publisherParameter = (description: string, isRequired: boolean): ParameterSpec => ({
  name: PUBLISHER_HEADER,
  in: "header",
  description,
  isRequired,
  pattern: "^[A-Za-z0-9_-]{8,64}$",
});
