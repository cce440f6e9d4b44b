/** Middleware that the applications share: request scope, stream names, bodies, CORS, other methods. */
import type { Hono, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import * as z from "zod/mini";
import { getConfig } from "../../core/api/config.ts";
import type { Platform } from "../../core/kit/clock.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import type { AppEnv, RequestScope } from "./app-env.ts";
import { readBody } from "./body-reader.ts";
import {
  addCorsHeaders,
  formatAllow,
  type HttpMethod,
  methodNotAllowedResponse,
  optionsResponse,
  preflightResponse,
} from "./http-methods.ts";
import { notFoundResponse, problemResponse } from "./responses.ts";
import { documented, type RouteSpec } from "./route-spec.ts";
import { addSecurityHeaders } from "./security-headers.ts";

/** Bytes of a JSON body of the control API: the longest subjects and reasons, escaped. */
const MAX_JSON_BODY_BYTES = 16_384;

/** Passes the `RequestScope` to every handler. */
export function requestScope(platform: Platform): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    const scope: RequestScope = {
      env: c.env,
      config: getConfig(c.env),
      platform,
      request: c.req.raw,
      // Hono throws if there is none, as in tests of routes that need none.
      get ctx() {
        return c.executionCtx;
      },
    };
    c.set("scope", scope);
    return next();
  };
}

/** Middleware that lets requests through for which `refuse` gives null. */
export function createGuard(
  spec: RouteSpec,
  refuse: (scope: RequestScope) => Response | null | Promise<Response | null>,
): MiddlewareHandler<AppEnv> {
  return documented(
    spec,
    createMiddleware<AppEnv>(async (c, next) => {
      const refusal = await refuse(c.var.scope);
      if (refusal !== null) return refusal;
      await next();
      return undefined;
    }),
  );
}

/** Adds the security headers to every response. */
export const securityHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  addSecurityHeaders(c.res, c.req.url);
};

/** Lets scripts of every origin read the responses. */
export const cors: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  addCorsHeaders(c.res);
};

/** Parses `:stream`; 404 for an invalid name. */
export const streamName: MiddlewareHandler<{
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { stream: StreamName };
}> = documented(
  {
    parameters: [
      {
        name: "stream",
        in: "path",
        description: "The stream's name.",
        isRequired: true,
        pattern: "^[a-z0-9][a-z0-9_-]{0,63}$",
      },
    ],
    problems: ["not-found"],
  },
  createMiddleware(async (c, next) => {
    const stream = parseStreamName(c.req.param("stream") ?? "");
    if (stream === null) return notFoundResponse();
    c.set("stream", stream);
    await next();
    return undefined;
  }),
);

/** A body that `jsonBody` has validated; handlers get it with `c.req.valid("json")`. */
export interface ValidatedBody<Body> {
  in: { json: Body };
  out: { json: Body };
}

/** Validates a JSON body of at most `maxBytes` by its schema; an absent one is `{}` if `isRequired` is false. */
export function jsonBody<Body>(
  schema: z.ZodMiniType<Body>,
  isRequired = true,
  maxBytes: number = MAX_JSON_BODY_BYTES,
): MiddlewareHandler<AppEnv, string, ValidatedBody<Body>> {
  return documented(
    { body: { schema, isRequired }, problems: ["invalid-body", "too-large", "too-slow"] },
    createMiddleware<AppEnv, string, ValidatedBody<Body>>(async (c, next) => {
      const { request, platform } = c.get("scope");
      const bytes = await readBody(platform.clock, request, maxBytes).catch(() => "aborted" as const);
      if (bytes === "too-large") {
        return problemResponse("too-large", `At most ${maxBytes} bytes are accepted.`);
      }
      if (bytes === "too-slow") return problemResponse("too-slow");
      if (bytes === "aborted") return problemResponse("invalid-body", "The body ended early.");
      const text = new TextDecoder().decode(bytes);
      const parsed = schema.safeParse(text === "" && !isRequired ? {} : parseJson(text));
      if (!parsed.success) return problemResponse("invalid-body", z.prettifyError(parsed.error));
      c.req.addValidatedData("json", parsed.data as object);
      await next();
      return undefined;
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Completes the addresses of an application: `OPTIONS` is answered, and methods that an address does not support are refused.
 * Called after its routes.
 */
export function closeRoutes(app: Hono<AppEnv>, { isCrossOrigin }: { readonly isCrossOrigin: boolean }): void {
  const methodsOf = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    methodsOf.set(path, (methodsOf.get(path) ?? new Set()).add(method));
  }
  for (const [path, methods] of methodsOf) {
    const allow = formatAllow([...methods] as HttpMethod[]);
    const answerOptions = isCrossOrigin ? preflightResponse : optionsResponse;
    app.all(path, (c) => (c.req.method === "OPTIONS" ? answerOptions(allow) : methodNotAllowedResponse(allow)));
  }
}

/** Handles everything else below an application's prefix with a 404, which scripts of every origin may read. */
export function closePrefix(app: Hono<AppEnv>): void {
  const allow = formatAllow(["GET"]);
  app.all("*", (c) => (c.req.method === "OPTIONS" ? preflightResponse(allow) : notFoundResponse()));
}
