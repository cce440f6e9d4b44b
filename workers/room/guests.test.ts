/** Guests at the gateway, with a Live object that does not answer, and from many networks. */
import { expect, test } from "vitest";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { Participant } from "../../core/room/participants.ts";
import { registerTestStream, waitForCondition } from "../../durable-objects/room/testing.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { testBindings, testConfig } from "../testing.ts";
import { admitGuest } from "./guests.ts";

/** What a gateway asks of streams, without an answer. */
class SilentGateway {
  readonly clock = new VirtualClock(Date.now());
  readonly asked: string[] = [];

  async enter(stream: StreamName, device: string, ip: string, hasDeviceKey = true): Promise<unknown> {
    const profile = (): Promise<never> => {
      this.asked.push(stream);
      return new Promise(() => {});
    };
    const scope: RequestScope = {
      env: { ...testBindings, LIVE: { getByName: () => ({ profile }) } as unknown as typeof testBindings.LIVE },
      config: testConfig,
      platform: { ...systemPlatform, clock: this.clock },
      request: new Request(`http://edge.test/rooms/${stream}/ticket`, { headers: { "cf-connecting-ip": ip } }),
      ctx: { waitUntil: () => {} },
    };
    const participant: Participant = {
      subject: null,
      name: "",
      roles: [],
      followerSinceMs: null,
      device,
      address: "",
      expiresMs: null,
    };
    return admitGuest(scope, stream, { participant, hasDeviceKey, issuedKey: null }, "Zoe");
  }
}

test("a guest enters after a moment where the Live object does not answer", async () => {
  const stream = (await registerTestStream("gateway-guests-a")) as StreamName;
  const gateway = new SilentGateway();
  let admitted: unknown = "waits";
  const entering = gateway.enter(stream, "d1", "198.51.100.1").then((outcome) => {
    admitted = outcome;
  });
  await waitForCondition(() => gateway.asked.length === 1);
  await gateway.clock.advance(300);
  // The rest waits for nothing.
  await new Promise((resolve) => setTimeout(resolve));
  expect(admitted).toMatchObject({ subject: "corral-guest:d1", name: "Zoe" });
  await entering;
});

test("a guest whom the rates refuse causes no look-up of the stream", async () => {
  const stream = (await registerTestStream("gateway-guests-b")) as StreamName;
  const gateway = new SilentGateway();
  expect(await gateway.enter(stream, "d1", "198.51.100.2", false)).toBe("too-many-guests");
  expect(gateway.asked).toEqual([]);
});

test("the networks of one /48 do not keep guests of others out of a stream", async () => {
  const stream = "gateway-guests-c" as StreamName;
  const gateway = new SilentGateway();
  const enter = (device: string, ip: string): Promise<unknown> => gateway.enter(stream, device, ip);
  const outcomes: unknown[] = [];
  for (let guest = 0; guest < 420; guest += 1) {
    outcomes.push(await enter(`many-${guest}`, `2001:db8:7:${(guest % 7).toString(16)}::1`));
  }
  expect(outcomes.filter((outcome) => outcome !== "too-many-guests")).toHaveLength(160);
  expect(await enter("other-v6", "2001:db8:8::1")).toMatchObject({ name: "Zoe" });
  expect(await enter("other-v4", "198.51.100.3")).toMatchObject({ name: "Zoe" });
});
