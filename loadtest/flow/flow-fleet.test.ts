import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { fragmentAt, type MediaShape } from "../publisher.ts";
import { FlowFleet, type FlowViewersReport } from "./flow-fleet.ts";

const SHAPE: MediaShape = { partMs: 100, partsPerSegment: 4, tracks: { video: 3_000 }, isFmp4: true };

let server: Server | null = null;
let fleet: FlowFleet | null = null;

afterEach(async () => {
  await fleet?.stop();
  server?.closeAllConnections();
  server?.close();
});

/** Serves `answer`; returns its address. */
async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  server = createServer((_, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** The first report that is as it is waited for. */
async function reportWhen(of: FlowFleet, isIt: (report: FlowViewersReport) => boolean): Promise<FlowViewersReport> {
  for (;;) {
    const report = await of.report();
    if (isIt(report)) return report;
    await sleep(10);
  }
}

test("a connection that is reset is one failure, after which the viewer asks once", async () => {
  const [first, second] = [Promise.withResolvers<ServerResponse>(), Promise.withResolvers<ServerResponse>()];
  const waiting = [first, second];
  const url = await serve((response) => {
    response.write(fragmentAt("video", 0, SHAPE));
    waiting.shift()?.resolve(response);
  });
  fleet = new FlowFleet({ urls: [url], viewers: 1, arrivalMs: 0, isPersistent: true, shape: SHAPE });
  const { socket } = await first.promise;
  await reportWhen(fleet, ({ watching }) => watching > 0);
  socket?.resetAndDestroy();
  await second.promise;
  expect(await fleet.report()).toMatchObject({ failed: 1, ended: 0 });
});

test("a viewer that gets no further part has stalled", async () => {
  const url = await serve((response) => void response.write(fragmentAt("video", 0, SHAPE)));
  fleet = new FlowFleet({ urls: [url], viewers: 1, arrivalMs: 0, shape: SHAPE });
  const report = await reportWhen(fleet, ({ stalls }) => stalls > 0);
  expect(report).toMatchObject({ watching: 1, stalls: 1, parts: 1 });
  expect(report.longestStallMs).toBeGreaterThan(500);
});

test("the viewers of a lost isolate ask the others", async () => {
  const requests: string[] = [];
  const url = await serve((response) => {
    requests.push(response.req.url ?? "");
    response.write(fragmentAt("video", 0, SHAPE));
  });
  const urls = [`${url}0`, `${url}1`, `${url}2`];
  fleet = new FlowFleet({ urls, viewers: 6, arrivalMs: 0, isPersistent: true, shape: SHAPE });
  await reportWhen(fleet, ({ watching }) => watching === 6);
  fleet.loseIsolate(1);
  await reportWhen(fleet, ({ responses }) => responses === 8);
  expect(requests.slice(6).sort()).toEqual(["/0", "/2"]);
  expect(await fleet.report()).toMatchObject({ failed: 2, ended: 0 });
});
