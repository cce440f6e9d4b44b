import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test, vi } from "vitest";
import type { StreamName } from "../core/kit/ids.ts";
import { VirtualClock } from "../core/kit/virtual-clock.ts";
import { startViewerCount } from "./viewer-count.ts";

test("the number of viewers follows the edge, and is unknown while the edge names none", async () => {
  const answers = ['{"viewers":{"current":7}}', '{"type":"unavailable"}', '{"viewers":{"current":9}}'];
  const paths: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    paths.push(url);
    response.end(answers.shift());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const clock = new VirtualClock();
  const count = startViewerCount(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    "show" as StreamName,
    clock,
  );
  try {
    for (const expected of [7, null, 9]) {
      await vi.waitFor(() => expect(count.current).toBe(expected));
      await clock.advance(5_000);
    }
    expect(paths.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => "/api/streams/show"));
  } finally {
    count.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
