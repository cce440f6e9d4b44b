/** `GET /openapi.json`: the OpenAPI document, generated from the routes and their documentation. */
import type { RouterRoute } from "hono/types";
import * as z from "zod/mini";
import type { ProblemName } from "../../core/api/problem-names.ts";
import { PROBLEM_TYPES, problemTypeUri } from "../../core/api/problems.ts";
import { answerSchemas, ProblemSchema, requestSchemas } from "../../core/api/schemas.ts";
import {
  type AnswerSpec,
  type ParameterSpec,
  type RouteSpec,
  routeSpecOf,
  type SecurityScheme,
} from "../kit/route-spec.ts";
import { LIVE_ROUTES } from "./live-routes.ts";

/** A JSON value of the document. */
type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

/** A secret of the edge as bearer token. */
const secretScheme = (name: string): Json => ({
  type: "http",
  scheme: "bearer",
  description: `The secret \`${name}\`.`,
});

const SECURITY_SCHEMES: Readonly<Record<SecurityScheme, Json>> = {
  adminToken: secretScheme("CORRAL_ADMIN_TOKEN"),
  metricsToken: secretScheme("CORRAL_METRICS_TOKEN"),
  ingestToken: secretScheme("CORRAL_INGEST_TOKEN"),
  publishToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "A publish token: `use` (`publish`), `stream`, `sub`, `jti`, `iat` and `exp`, at most ten minutes later; optional `role` and `ver`.",
  },
  streamKey: { type: "http", scheme: "bearer", description: "A key of the stream." },
  viewerToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "A viewer token; streams with the playback policy `public` need none.",
  },
};

/** Problems that every operation may have. */
const COMMON_PROBLEMS: readonly ProblemName[] = ["invalid-address", "unavailable", "misconfigured"];

const PROBLEM_MEDIA = "application/problem+json";

/** A route with its documentation. */
export interface DocumentedRoute {
  readonly method: string;
  /** As in Hono. */
  readonly path: string;
  readonly spec: RouteSpec;
}

/** The document of an application's routes, and of the live path. */
export function createOpenApiDocument(routes: readonly RouterRoute[]): OpenApiDocument {
  const all = [...collectRoutes(routes), ...LIVE_ROUTES];
  const paths: Record<string, Record<string, Json>> = {};
  for (const { method, path, spec } of all) {
    const address = path.replaceAll(/:([a-z]+)/g, "{$1}");
    paths[address] = { ...paths[address], [method.toLowerCase()]: renderOperation(spec) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Corral",
      version: "1",
      description:
        "Publishing, control, delivery and rooms of a Corral edge. `HEAD` is answered as `GET` without a body.",
    },
    paths,
    components: { schemas: renderSchemas(), securitySchemes: SECURITY_SCHEMES },
  } as OpenApiDocument;
}

/** The handlers of each method and path, joined; routes without a summary are no operations. */
function collectRoutes(routes: readonly RouterRoute[]): DocumentedRoute[] {
  const joined = new Map<string, DocumentedRoute>();
  for (const { method, path, handler } of routes) {
    const spec = routeSpecOf(handler);
    if (spec === null || method === "ALL") continue;
    const key = `${method} ${path}`;
    joined.set(key, { method, path, spec: joinSpecs(joined.get(key)?.spec ?? {}, spec) });
  }
  // Middleware registered for a path without a method applies to all of the path's operations.
  for (const { method, path, handler } of routes) {
    const spec = routeSpecOf(handler);
    if (spec === null || method !== "ALL") continue;
    for (const [key, route] of joined) {
      if (route.path === path) joined.set(key, { ...route, spec: joinSpecs(spec, route.spec) });
    }
  }
  return [...joined.values()].filter(({ spec }) => spec.summary !== undefined);
}

function joinSpecs(one: RouteSpec, other: RouteSpec): RouteSpec {
  return {
    ...one,
    ...other,
    parameters: [...(one.parameters ?? []), ...(other.parameters ?? [])],
    problems: [...(one.problems ?? []), ...(other.problems ?? [])],
  };
}

function renderOperation({
  tag,
  summary,
  security,
  parameters = [],
  body,
  answers = {},
  problems = [],
}: RouteSpec): Json {
  return {
    ...(tag === undefined ? {} : { tags: [tag] }),
    summary,
    ...(security === undefined ? {} : { security: security.map(renderSecurity) }),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(renderParameter) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.isRequired,
            content: {
              [body.mediaType ?? "application/json"]:
                body.schema === undefined ? {} : { schema: requestRef(body.schema) },
            },
          },
        }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, renderAnswer(answer)])),
      ...renderProblems([...COMMON_PROBLEMS, ...problems]),
    },
  };
}

/** OpenAPI §4.8.10: "To make security optional, an empty security requirement ({}) can be included in the array." */
const renderSecurity = (scheme: SecurityScheme | "anonymous"): Json => (scheme === "anonymous" ? {} : { [scheme]: [] });

function renderParameter({ name, in: place, description, isRequired, pattern }: ParameterSpec): Json {
  return {
    name,
    in: place,
    description,
    required: isRequired,
    schema: { type: "string", ...(pattern === undefined ? {} : { pattern }) },
  };
}

function renderAnswer({ description, schema, mediaTypes }: AnswerSpec): Json {
  if (schema === undefined && mediaTypes === undefined) return { description };
  const json = schema === undefined ? {} : { "application/json": { schema: answerRef(schema) } };
  return { description, content: { ...json, ...Object.fromEntries((mediaTypes ?? []).map((type) => [type, {}])) } };
}

/** The problem responses, by status; `type` is one of those with the status. */
function renderProblems(names: readonly ProblemName[]): Json {
  const byStatus = new Map<number, Set<ProblemName>>();
  for (const name of names) {
    for (const status of PROBLEM_TYPES[name].statuses) {
      byStatus.set(status, (byStatus.get(status) ?? new Set()).add(name));
    }
  }
  const answers = [...byStatus].map(([status, types]) => [
    String(status),
    {
      description: [...types].map((name) => PROBLEM_TYPES[name].title).join("; "),
      content: {
        [PROBLEM_MEDIA]: {
          schema: {
            allOf: [
              answerRef(ProblemSchema),
              {
                type: "object",
                properties: { type: { enum: [...types].map(problemTypeUri) }, status: { const: status } },
              },
            ],
          },
        },
      },
    },
  ]);
  return Object.fromEntries(answers);
}

const componentUri = (id: string): string => `#/components/schemas/${id}`;

function answerRef(schema: z.ZodMiniType): Json {
  return { $ref: componentUri(requireName(answerSchemas.get(schema))) };
}

function requestRef(schema: z.ZodMiniType): Json {
  return { $ref: componentUri(requireName(requestSchemas.get(schema))) };
}

function requireName(name: { readonly id: string } | undefined): string {
  if (name === undefined) throw new RangeError("a documented schema has no name");
  return name.id;
}

/** All named schemas. Requests are described as clients write them: members with a default are optional. */
function renderSchemas(): Readonly<Record<string, Json>> {
  const options = { uri: componentUri, unrepresentable: "any" } as const;
  const { schemas: answers } = z.toJSONSchema(answerSchemas, { ...options, io: "output" });
  const { schemas: requests } = z.toJSONSchema(requestSchemas, { ...options, io: "input" });
  const all = Object.entries({ ...answers, ...requests }).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [
    id,
    schema,
  ]);
  return Object.fromEntries(all);
}
