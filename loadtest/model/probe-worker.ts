/** The product's Worker and objects with endpoints for measurements: for calibration and validation only. */

import { encodeRoomChild } from "../../core/room/child-ids.ts";
import { RoomState } from "../../core/room/room-state.ts";
import { TextModerator } from "../../core/room/sequencer/text-moderator.ts";
import type { Env } from "../../workers/env.ts";
import product from "../../workers/index.ts";
import { roomCallCounts } from "./room/probe-objects.ts";

export * from "../../workers/index.ts";
export { ProbeRoom as Room, ProbeRoomRelay as RoomRelay, ProbeRoomShard as RoomShard } from "./room/probe-objects.ts";

/** A shard without viewers. */
const UNUSED_SHARD_ID = encodeRoomChild({ kind: "shard", index: 1_000 });

const worker: ExportedHandler<Env> = {
  fetch: async (request, env, ctx) => {
    const { pathname, search } = new URL(request.url);
    const [, probe, stream = "", number = "0"] = pathname.split("/");
    if (probe === "counted") return Response.json(roomCallCounts);
    if (probe === "calls") {
      for (let call = 0; call < Number(number); call += 1) await env.ROOM.getByName(stream).summary();
      return new Response(null, { status: 204 });
    }
    if (probe === "judge") {
      const [judge, state] = [new TextModerator(), new RoomState()];
      for (let text = 0; text < Number(number); text += 1)
        judge.moderateText(`did you see that one coming? ${text}`, state);
      return new Response(null, { status: 204 });
    }
    if (probe === "stores") {
      const room = env.ROOM.getByName(stream);
      const report = { sockets: 1, watching: 0, distinct: null };
      for (let call = 0; call < Number(number); call += 1) await room.report(UNUSED_SHARD_ID, report);
      await room.report(UNUSED_SHARD_ID, { ...report, sockets: 0 });
      return new Response(null, { status: 204 });
    }
    if (probe !== "probe") return product.fetch?.(request, env, ctx) ?? new Response(null, { status: 500 });
    const headers = { "corral-report": JSON.stringify({ node: "probe", tiers: {}, viewers: 0 }) };
    return env.LIVE.getByName(stream).fetch(`http://node/feed${search}`, { headers });
  },
};
export default worker;
