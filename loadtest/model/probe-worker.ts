/** The product's Worker, and a door to the Live object's feed from outside: for `calibrate.ts` only. */
import type { Env } from "../../workers/env.ts";
import product from "../../workers/index.ts";

export { Live, Shield } from "../../workers/index.ts";

const worker: ExportedHandler<Env> = {
  fetch: (request, env, ctx) => {
    const { pathname, search } = new URL(request.url);
    const [, probe, stream = ""] = pathname.split("/");
    if (probe !== "probe") return product.fetch?.(request, env, ctx) ?? new Response(null, { status: 500 });
    const headers = { "corral-report": JSON.stringify({ node: "probe", tiers: {}, viewers: 0 }) };
    return env.LIVE.getByName(stream).fetch(`http://node/feed${search}`, { headers });
  },
};
export default worker;
