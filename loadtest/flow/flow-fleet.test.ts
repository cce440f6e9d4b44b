import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fragmentAt, type MediaShape } from "../publisher.ts";
import { FlowFleet } from "./flow-fleet.ts";

const SHAPE: MediaShape = { partMs: 100, partsPerSegment: 4, tracks: { video: 3_000 }, isFmp4: true };

let server: Server | null = null;
let fleet: FlowFleet | null = null;

afterEach(async () => {
  await fleet?.stop();
  server?.closeAllConnections();
  server?.close();
});

test("a connection that is reset is one failure, after which the viewer asks once", async () => {
  const [first, second] = [Promise.withResolvers<ServerResponse>(), Promise.withResolvers<ServerResponse>()];
  const waiting = [first, second];
  server = createServer((_, response) => {
    response.write(fragmentAt("video", 0, SHAPE));
    waiting.shift()?.resolve(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  fleet = new FlowFleet({ urls: [url], viewers: 1, arrivalMs: 0, isPersistent: true, shape: SHAPE });
  const { socket } = await first.promise;
  while ((await fleet.report()).watching === 0);
  socket?.resetAndDestroy();
  await second.promise;
  expect(await fleet.report()).toMatchObject({ failed: 1, ended: 0 });
});
