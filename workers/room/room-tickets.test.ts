/** `POST /rooms/{stream}/ticket`: whose token opens the room. */
import { SignJWT } from "jose";
import { expect, test } from "vitest";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { testBindings, testConfig } from "../testing.ts";
import { handleRoomTicket } from "./rooms-api.ts";

const stream = "tickets" as StreamName;
const secret = "a secret of this test, of 32 bytes or more";

function scopeAt(clock: VirtualClock, token: string): RequestScope {
  return {
    env: testBindings,
    config: { ...testConfig, viewerKeys: { secret, keySet: null } },
    platform: { ...systemPlatform, clock },
    request: new Request(`http://edge.test/rooms/${stream}/ticket`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    }),
    ctx: { waitUntil: () => {} },
  };
}

test("a token that was verified before gets no ticket once it has expired", async () => {
  const clock = new VirtualClock(Date.now());
  const nowS = Math.floor(clock.nowMs() / 1_000);
  const token = await new SignJWT({ sub: "ann", room: stream, iat: nowS, exp: nowS + 60 })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
  expect((await handleRoomTicket(scopeAt(clock, token), stream)).status).toBe(200);
  await clock.advance(66_000);
  const refused = await handleRoomTicket(scopeAt(clock, token), stream);
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({ type: "/problems/token-expired" });
});
