import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createProblem } from "../../core/api/problems.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { createEdgeAuthorizer } from "./edge-authorizer.ts";
import type { SenderAuthorization } from "./ingest-node.ts";
import type { SenderConnection } from "./sender-connection.ts";

const KEY = `corral_abcdefghij_${"A".repeat(43)}`;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The authorization of `key` by an edge that answers so, and the requests that it received. */
async function authorize(
  status: number,
  body: string,
  key = KEY,
): Promise<SenderAuthorization & { requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(
      `${request.method} ${request.url} ${request.headers.authorization} ${request.headers["corral-publisher"]}`,
    );
    response.writeHead(status).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const edge = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const check = createEdgeAuthorizer({ edge, publisher: "node-1234" }, systemPlatform.clock);
  const stream = parseStreamName("demo") as StreamName;
  return { ...(await check({ stream, key } as SenderConnection)), requests };
}

test("a key that may publish is granted with the edge as its target", async () => {
  const answer = await authorize(200, JSON.stringify({ stream: "demo", live: null }));
  expect(answer).toMatchObject({ kind: "granted", target: { key: KEY, publisher: "node-1234" } });
  expect(answer.requests).toEqual([`POST /ingest/demo/session Bearer ${KEY} node-1234`]);
  expect(await authorize(200, JSON.stringify({ live: { broadcast: "b", isOwn: true } }))).toMatchObject({
    kind: "granted",
  });
});

test("a stream that another publisher has, a refused key and an edge in trouble are told with sentences", async () => {
  const taken = await authorize(200, JSON.stringify({ live: { broadcast: "b", isOwn: false } }));
  expect(taken).toMatchObject({ kind: "refused", sentence: expect.stringMatching(/Another encoder is live/) });
  const wrong = await authorize(403, JSON.stringify({ title: "Wrong stream key", detail: "It was revoked." }));
  expect(wrong).toMatchObject({ sentence: "The stream key is refused: It was revoked." });
  const used = await authorize(403, JSON.stringify(createProblem("key-used", "It is used up.")));
  expect(used).toMatchObject({ reason: "key", problem: { type: "/problems/key-used", status: 403 } });
  expect(await authorize(503, "<html>")).toMatchObject({ sentence: expect.stringMatching(/try again/) });
});

test("a text that is no key is refused without a request", async () => {
  const answer = await authorize(200, "{}", "not-a-key");
  expect(answer).toMatchObject({ kind: "refused", requests: [] });
});
