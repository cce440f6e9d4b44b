/** The documentation of routes: handlers and middleware declare their inputs and responses, from which `/openapi.json` is generated. */
import type { MiddlewareHandler } from "hono";
import type * as z from "zod/mini";
import type { ProblemName } from "../../core/api/problem-names.ts";

/** A parameter of an address or a header. */
export interface ParameterSpec {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly isRequired: boolean;
  readonly pattern?: string;
}

/** The body of a response: JSON of a schema of `answerSchemas`, or one of the media types. */
export interface AnswerSpec {
  readonly description: string;
  readonly schema?: z.ZodMiniType;
  readonly mediaTypes?: readonly string[];
}

/** What one handler or middleware adds to the operations of its routes. */
export interface RouteSpec {
  readonly tag?: string;
  readonly summary?: string;
  /** Security schemes, of which any one is enough. */
  readonly security?: readonly (SecurityScheme | "anonymous")[];
  readonly parameters?: readonly ParameterSpec[];
  /** A schema of `requestSchemas`, or a media type alone. */
  readonly body?: { readonly schema?: z.ZodMiniType; readonly mediaType?: string; readonly isRequired: boolean };
  /** Responses by status. */
  readonly answers?: Readonly<Record<number, AnswerSpec>>;
  readonly problems?: readonly ProblemName[];
}

/** How a client authenticates; with `anonymous` in the list, authentication is optional. */
export type SecurityScheme =
  | "adminToken"
  | "ingestToken"
  | "metricsToken"
  | "publishToken"
  | "streamKey"
  | "viewerToken";

const SPEC: unique symbol = Symbol("route specification");

/** Middleware with its documentation. */
export function documented<Handler extends object>(spec: RouteSpec, handler: Handler): Handler {
  return Object.assign(handler, { [SPEC]: spec });
}

/** Documents a route; placed before its handler. */
export function describeRoute(spec: RouteSpec): MiddlewareHandler {
  return documented(spec, (_c, next) => next());
}

/** The documentation of middleware; null without any. */
export function routeSpecOf(handler: object): RouteSpec | null {
  return (handler as { readonly [SPEC]?: RouteSpec })[SPEC] ?? null;
}
