/** Where this isolate runs. */
import { isRegion, locateSite, type Site } from "../../core/delivery/tree/node-address.ts";
import type { Env } from "../env.ts";

/** The site by `CORRAL_SITE` or the platform's hints; null on a single machine, where the Live object is the only node above. */
export function resolveSite(env: Env, request: Request): Site | null {
  if (env.CORRAL_SITE === undefined || env.CORRAL_SITE === "") {
    const { colo, continent, country, longitude } = (request.cf ?? {}) as IncomingRequestCfProperties;
    return locateSite({ colo, continent, country, longitude });
  }
  const [region, colo, ...rest] = env.CORRAL_SITE.split("/");
  if (isRegion(region) && colo !== undefined && rest.length === 0 && /^[A-Z0-9]{2,8}$/.test(colo))
    return { region, colo };
  throw new TypeError(
    `CORRAL_SITE is a region and a data centre like "weur/FRA", not ${JSON.stringify(env.CORRAL_SITE)}`,
  );
}
