/** The routes of a stream's keys, a part of the control API. */
import { Hono } from "hono";
import {
  KeyRotationBody,
  StreamKeyBody,
  StreamKeyListSchema,
  StreamKeySchema,
} from "../../core/api/stream-key-schemas.ts";
import { hostOrOperatorOnly } from "../access/host-or-operator.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { jsonBody, streamName } from "../kit/middleware.ts";
import { describeRoute, type ParameterSpec, type RouteSpec } from "../kit/route-spec.ts";
import {
  handleDeleteKey,
  handleDeleteKeys,
  handleListKeys,
  handlePostKey,
  handleRotateKey,
} from "./stream-keys-api.ts";

const KEYS = { tag: "Stream keys" } as const satisfies RouteSpec;
const KEY: ParameterSpec = {
  name: "key",
  in: "path",
  description: "The key's id: 10 of 0–9 a–z, which the key begins with after `corral_`.",
  isRequired: true,
  pattern: "^[0-9a-z]{10}$",
};

/** The key routes, mounted in the control API, which completes their addresses. */
export const streamKeysApi: Hono<AppEnv> = new Hono<AppEnv>();

streamKeysApi.get(
  "/streams/:stream/keys",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    ...KEYS,
    summary: "A stream's keys, without their secrets",
    answers: { 200: { description: "The keys, the one issued last first.", schema: StreamKeyListSchema } },
  }),
  (c) => handleListKeys(c.var.scope, c.var.stream),
);
streamKeysApi.post(
  "/streams/:stream/keys",
  streamName,
  hostOrOperatorOnly,
  jsonBody(StreamKeyBody, false),
  describeRoute({
    ...KEYS,
    summary: "Issues a stream key",
    answers: { 201: { description: "The key, shown this once.", schema: StreamKeySchema } },
    problems: ["too-many-keys"],
  }),
  (c) => handlePostKey(c.var.scope, c.var.stream, c.req.valid("json")),
);
streamKeysApi.delete(
  "/streams/:stream/keys",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    ...KEYS,
    summary: "Revokes every stream key, and the publish tokens issued so far",
    answers: { 204: { description: "All are revoked; a session that used one is cut." } },
  }),
  (c) => handleDeleteKeys(c.var.scope, c.var.stream),
);
streamKeysApi.delete(
  "/streams/:stream/keys/:key",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    ...KEYS,
    summary: "Revokes a stream key",
    parameters: [KEY],
    answers: { 204: { description: "The key is revoked; a session that used it is cut." } },
  }),
  (c) => handleDeleteKey(c.var.scope, c.var.stream, c.req.param("key")),
);
streamKeysApi.post(
  "/streams/:stream/keys/:key/rotate",
  streamName,
  hostOrOperatorOnly,
  jsonBody(KeyRotationBody, false),
  describeRoute({
    ...KEYS,
    summary: "Issues a key in place of another, which expires after an overlap",
    parameters: [KEY],
    answers: { 201: { description: "The new key, shown this once.", schema: StreamKeySchema } },
    problems: ["too-many-keys"],
  }),
  (c) => handleRotateKey(c.var.scope, c.var.stream, c.req.param("key"), c.req.valid("json").overlapS),
);
