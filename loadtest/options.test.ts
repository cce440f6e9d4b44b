import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { type LoadArgs, OptionsError, parseLoadOptions } from "./options.ts";

const ARGS: LoadArgs = {
  scenario: "spike",
  viewers: "200",
  seconds: "30",
  colos: "4",
  regions: "2",
  isolates: "2",
  latency: "0",
  part: "1000",
  tracks: "muxed",
  "print-stalls": false,
  "i-own-this-target": false,
};

test("valid arguments are parsed", async () => {
  expect(await parseLoadOptions({ ...ARGS, faults: "live,r2", tracks: "separate" })).toMatchObject({
    scenario: "spike",
    viewers: 200,
    colos: 4,
    faults: ["live", "r2"],
    failOnStalls: true,
    target: null,
    shape: { partMs: 1000, partsPerSegment: 2 },
  });
});

test.for([
  [{ viewers: "0" }, "--viewers"],
  [{ viewers: "many" }, "--viewers"],
  [{ viewers: "1e9" }, "--viewers"],
  [{ viewers: "15000", tracks: "separate" }, "a process may open"],
  [{ seconds: "-1" }, "--seconds"],
  [{ colos: "64", isolates: "64" }, "exceed the limit for one machine"],
  [{ regions: "5" }, "--regions"],
  [{ latency: "201" }, "--latency"],
  [{ part: "0" }, "--part"],
  [{ tracks: "both" }, "--tracks"],
  [{ faults: "live,moon" }, "Unknown fault moon"],
  [{ faults: "isolate" }, "An isolate can be lost in the scenario flow only"],
  [{ scenario: "stampede" }, "Unknown scenario stampede"],
  [{ scenario: "mixed", viewers: "8000", tracks: "separate" }, "a process may open"],
  [{ scenario: "chat-storm", faults: "live" }, "chat-storm has no video"],
  [{ scenario: "chat-storm", viewers: "30000" }, "--viewers"],
  [{ target: "http://192.0.2.1/live/demo/multivariant.m3u8" }, "--i-own-this-target"],
  [{ target: "http://127.0.0.1/watch/demo" }, "--target is like"],
  [{ target: "ftp://127.0.0.1/live/demo/multivariant.m3u8" }, "--target is like"],
  [{ target: "http://127.0.0.1:1/live/demo/multivariant.m3u8" }, "can't be reached"],
] as const)("invalid arguments are refused with the reason: %o", async ([over, why]) => {
  await expect(parseLoadOptions({ ...ARGS, ...over })).rejects.toThrow(OptionsError);
  await expect(parseLoadOptions({ ...ARGS, ...over })).rejects.toThrow(why);
});

test("a target that is not live, or that a fault test may not disturb, is refused", async () => {
  const server = createServer((_, answer) => answer.writeHead(404).end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/demo/multivariant.m3u8`;
  await expect(parseLoadOptions({ ...ARGS, target })).rejects.toThrow("answers 404");
  server.removeAllListeners("request");
  server.on("request", (_, answer) => answer.end("#EXTM3U"));
  expect((await parseLoadOptions({ ...ARGS, target })).target).toEqual({ url: new URL(target).origin, stream: "demo" });
  await expect(parseLoadOptions({ ...ARGS, target, faults: "live" })).rejects.toThrow("this machine only");
  await expect(parseLoadOptions({ ...ARGS, target, scenario: "join-storm" })).rejects.toThrow("leave --target out");
  server.close();
});
