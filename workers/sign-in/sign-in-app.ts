/** The edge's own sign-in, at `/sign-in/…`: pages for people, which exist where the deployment has set it up. */
import { Hono } from "hono";
import { parseSignInPath, type SignInRoute, type SignInTarget } from "../../core/access/sign-in-path.ts";
import { hasStreamHost } from "../../core/access/stream-hosts.ts";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import { refuseOverRate } from "../access/rate-limits.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { formatAllow, type HttpMethod, methodNotAllowedResponse, optionsResponse } from "../kit/http-methods.ts";
import { notFoundResponse } from "../kit/responses.ts";
import { findMailOffer, finishMailSignIn, sendMailLink, showMailLink } from "./mail-sign-in.ts";
import { finishProviderSignIn, startProviderSignIn } from "./provider-sign-in.ts";
import { redirectTo, renderChoice, renderFailure } from "./sign-in-pages.ts";

const METHODS: Readonly<Record<SignInRoute["kind"], readonly HttpMethod[]>> = {
  choice: ["GET"],
  provider: ["GET"],
  mail: ["POST"],
  callback: ["GET"],
  link: ["GET", "POST"],
};

/** The addresses of the sign-in. */
export const signInPages: Hono<AppEnv> = new Hono<AppEnv>();

signInPages.all("*", (c) => handleSignIn(c.var.scope));

async function handleSignIn(scope: RequestScope): Promise<Response> {
  const { config, request, env } = scope;
  const { signIn } = config;
  const { pathname, host } = new URL(request.url);
  const route = signIn === null ? null : parseSignInPath(pathname);
  const allow = formatAllow(route === null ? ["GET"] : METHODS[route.kind]);
  if (request.method === "OPTIONS") return optionsResponse(allow);
  if (signIn === null || route === null) return notFoundResponse();
  if (!METHODS[route.kind].includes(request.method as HttpMethod)) return methodNotAllowedResponse(allow);
  // Cookie, redirect URI and token are for one host; of the scheme, TLS may have ended before the edge.
  if (host !== new URL(signIn.origin).host) return redirectTo(`${signIn.origin}${pathname}`);
  // Browsers send it with every form. Another site's would send mails, or sign in, in a visitor's name.
  if (request.method === "POST" && request.headers.get("origin") !== signIn.origin)
    return renderFailure(env, "foreign", null);
  if ((await refuseOverRate(scope, "sign-ins")) !== null) return renderFailure(env, "too-many", null);
  return serveRoute(scope, signIn, route);
}

async function serveRoute(scope: RequestScope, signIn: SignInConfig, route: SignInRoute): Promise<Response> {
  const { env, request } = scope;
  switch (route.kind) {
    case "callback":
      return finishProviderSignIn(scope, signIn);
    case "link":
      return request.method === "GET" ? showMailLink(scope, signIn) : finishMailSignIn(scope, signIn);
    default: {
      if (!(await mayExist(scope, signIn, route))) return renderFailure(env, "unknown-stream", null);
      return startSignIn(scope, signIn, route);
    }
  }
}

/** Whether somebody may be signed in to the stream: it is registered, or its host has still to come. */
async function mayExist(scope: RequestScope, { hosts }: SignInConfig, { stream }: SignInTarget): Promise<boolean> {
  return hasStreamHost(hosts, stream) || isStreamRegistered(scope, stream);
}

function startSignIn(
  scope: RequestScope,
  signIn: SignInConfig,
  route: Extract<SignInRoute, SignInTarget>,
): Promise<Response> {
  const { page, stream } = route;
  const target = { page, stream };
  const { oidc } = signIn;
  const offer = findMailOffer(scope, signIn);
  // Where there is nothing to choose, nobody is asked.
  const kind = route.kind === "choice" && offer === null ? "provider" : route.kind;
  if (kind === "provider" && oidc !== null) return startProviderSignIn(scope, signIn, oidc, target);
  if (kind === "provider" || offer === null) return Promise.resolve(notFoundResponse());
  return kind === "mail" ? sendMailLink(scope, signIn, offer, target) : renderChoice(scope.env, signIn, target);
}
