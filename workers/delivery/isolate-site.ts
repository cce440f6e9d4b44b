/** The location of this isolate. */
import { getConfig } from "../../core/api/config.ts";
import { locateSite, type Site } from "../../core/delivery/tree/node-address.ts";
import type { Env } from "../env.ts";

/** The site from the configuration, or from the platform; null on a single machine, where there is no tree. */
export function resolveSite(env: Env, request: Request): Site | null {
  const { site } = getConfig(env);
  if (site !== null) return site;
  const { colo, continent, country, longitude } = (request.cf ?? {}) as IncomingRequestCfProperties;
  return locateSite({ colo, continent, country, longitude });
}
