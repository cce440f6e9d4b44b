/** The product's Worker and objects, with an address by which a test brings the alarm of a publisher watch forward. */
import { Live as RealLive } from "../../durable-objects/live/live.ts";
import product from "../../workers/index.ts";

export * from "../../workers/index.ts";

interface EarlyAlarmEnv {
  readonly LIVE: DurableObjectNamespace<Live>;
}

/** The Live object, with an alarm that can be brought forward. */
export class Live extends RealLive {
  /** Has the alarm of the publisher watch ring in `inMs`. */
  async bringAlarmForward(inMs: number): Promise<void> {
    const { storage } = this.ctx;
    const dueMs = Date.now() + inMs;
    storage.kv.put("alarms", { ...storage.kv.get<object>("alarms"), publisher: dueMs });
    await storage.setAlarm(dueMs);
  }
}

/** `/early-alarm/{stream}/{ms}`: the alarm of the stream's publisher watch rings in so many milliseconds. */
const worker: ExportedHandler<EarlyAlarmEnv> = {
  fetch: async (request, env, ctx) => {
    const [, name, stream = "", inMs] = new URL(request.url).pathname.split("/");
    if (name !== "early-alarm")
      return product.fetch?.(request, env as never, ctx) ?? new Response(null, { status: 500 });
    await env.LIVE.getByName(stream).bringAlarmForward(Number(inMs));
    return new Response();
  },
};
export default worker;
