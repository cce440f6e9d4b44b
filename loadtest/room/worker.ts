/** The product's Worker with the counted, losable objects of a room. */
import type { Env } from "../../workers/env.ts";
import product from "../../workers/index.ts";
import { handleRoomHarness } from "./instrumented-objects.ts";

export * from "../../workers/index.ts";
export { CountedRoom as Room, CrashableShard as RoomShard } from "./instrumented-objects.ts";

const worker: ExportedHandler<Env> = {
  fetch: (request, env, ctx) => {
    if (request.url.includes("/harness/room/")) return handleRoomHarness(request, env);
    return product.fetch?.(request, env, ctx) ?? new Response(null, { status: 500 });
  },
};
export default worker;
