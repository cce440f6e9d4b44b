import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { SimulatedProcess } from "./kernel/process.ts";
import type { ProductCode } from "./kernel/product-code.ts";
import { Simulation } from "./kernel/simulation.ts";
import { loadMediaCode, MediaWorld } from "./media/media-world.ts";
import { PublisherProcess } from "./media/publisher-process.ts";
import { createViewerToken } from "./media/viewer-tokens.ts";

let code: ProductCode;
beforeAll(async () => {
  code = await loadMediaCode(fileURLToPath(new URL("../..", import.meta.url)));
});

test("a viewer who is revoked while its flow waits for a feed is refused, and takes no place", async () => {
  const simulation = new Simulation(1);
  const world = new MediaWorld({ simulation, code, sites: { "weur/FRA": 1 } });
  const shape = { partMs: 320, partsPerSegment: 3, windowS: 8, videoTracks: 1, sampleBytes: 40 };
  const { fleet, ledger, network } = world;
  const [slot] = fleet.slots;
  const direct = async (): Promise<unknown> => {
    if (slot === undefined) throw new Error("no isolate");
    const key = await world.issueKey("demo");
    const onFailure = (message: string): void => simulation.fail("publisher", message);
    const options = { simulation, fleet, code, ledger, stream: "demo", key, site: "weur/FRA", shape, onFailure };
    const publisher = new PublisherProcess({ ...options, playback: "token" }, 1);
    void publisher.run();
    await simulation.sleep(5_000);
    const viewer = new SimulatedProcess(simulation, "viewer1@weur/FRA", 1);
    const isForged = false;
    const token = createViewerToken({ room: "demo", subject: "ann", nowMs: simulation.clock.nowMs(), isForged });
    const headers = { authorization: `Bearer ${token}` };
    const playlist = await fleet.fetch(viewer, slot, { path: "/live/demo/multivariant.m3u8", headers });
    // The feed that carries the tracks is late; the one that carries the revocation is there.
    network.addFault({ from: "isolate", to: "live", faults: { delayMs: 1_500 } });
    const body = JSON.stringify({ subject: "ann", version: 1 });
    const revoking = world.administer({ method: "POST", path: "/api/streams/demo/revocations", body });
    await simulation.sleep(100);
    const path = `/live/demo/${publisher.broadcast.config.broadcast}/flow.mp4`;
    const streamed = { windowBytes: 65_536, onSent: () => {} };
    const flow = await fleet.fetch(viewer, slot, { path, headers, streamed });
    const revoked = await revoking;
    await simulation.sleep(2_000);
    const viewers = slot.inspect()?.streams.map((stream) => stream.flow.viewers);
    return [playlist.status, revoked.status, flow.status, viewers];
  };
  const directing = direct();
  const { failure } = await simulation.run(20_000);
  expect(failure).toBeNull();
  expect(await directing).toEqual([200, 200, 403, [0]]);
  world.close();
});
