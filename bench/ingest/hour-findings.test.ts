import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { HourFindings, readHealthFaults } from "./hour-findings.ts";
import { PlaylistWatch } from "./hour-playlists.ts";

let server: Server | null = null;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

/** A server that answers all with `body`; null: it closes the connection. */
async function serve(status: number, body: string | null): Promise<string> {
  server = createServer((_, response) => {
    if (body === null) response.destroy();
    else response.writeHead(status).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const HEALTH = { stream: "hour-1", state: "good", reportedMs: null, checks: [], samples: [] };

test.each([
  [200, JSON.stringify(HEALTH), []],
  [200, JSON.stringify({ ...HEALTH, state: "no-data" }), ["the API says no-data"]],
  [503, '{"title":"Unavailable"}', ["the API answers 503 for its health"]],
  [200, '{"title":"Unavailable"}', ["the API's answer is not a health"]],
  [200, "<html>", [expect.stringContaining("the API does not tell its health")]],
  [200, null, [expect.stringContaining("the API does not tell its health")]],
])("a health answer %i %s is a finding unless it is good", async (status, body, faults) => {
  expect(await readHealthFaults(await serve(status, body), {})).toEqual(faults);
});

test.each([
  [503, "", "hour-1: its playlist answers 503"],
  [200, null, expect.stringContaining("hour-1: its playlist cannot be read: ")],
])("a playlist that is answered %i %s is a fault, and the watch goes on", async (status, body, fault) => {
  const watch = new PlaylistWatch();
  watch.add("hour-1", { playlist: await serve(status, body), broadcast: "b" });
  await watch.check();
  await watch.check();
  expect([...watch.faults]).toEqual([fault]);
  expect(watch.goesOn("hour-1")).toBe(false);
});

test("what fails in a run is a finding, once", async () => {
  const findings = new HourFindings();
  await findings.guard("attacks", Promise.reject(new Error("no key")));
  await findings.guard("attacks", Promise.reject(new Error("no key")));
  await findings.guard("attacks", Promise.resolve());
  expect([...findings.entries]).toEqual(["attacks: no key"]);
});
