/** The product's Worker and objects, with an address by which a test sends it requests that one isolate serves at once. */
import { Live as RealLive } from "../../durable-objects/live/live.ts";
import product from "../../workers/index.ts";

export * from "../../workers/index.ts";

interface ParallelEnv {
  readonly LIVE: DurableObjectNamespace<Live>;
}

/** The Live object, which counts the reads of its profile. */
export class Live extends RealLive {
  #reads = 0;

  override profile(): ReturnType<RealLive["profile"]> {
    this.#reads += 1;
    return super.profile();
  }

  /** Number of reads of the profile. */
  profileReads(): number {
    return this.#reads;
  }
}

/** `/parallel/{requests}/{stream}`: so many requests for the stream's details at once. Their statuses, and reads of the profile. */
const worker: ExportedHandler<ParallelEnv> = {
  fetch: async (request, env, ctx) => {
    const { origin, pathname } = new URL(request.url);
    const [, name, requests, stream = ""] = pathname.split("/");
    if (name !== "parallel") return product.fetch?.(request, env as never, ctx) ?? new Response(null, { status: 500 });
    // Each is a request of its own to the Worker, as if a client had sent it.
    const { default: self } = (ctx as unknown as { exports: { default: Fetcher } }).exports;
    const ask = async (): Promise<number> => {
      const answer = await self.fetch(`${origin}/api/streams/${stream}/details`);
      await answer.text();
      return answer.status;
    };
    const statuses = await Promise.all(Array.from({ length: Number(requests) }, ask));
    return Response.json({ statuses, reads: await env.LIVE.getByName(stream).profileReads() });
  },
};
export default worker;
