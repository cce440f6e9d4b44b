import { expect, test } from "vitest";
import { testEdge } from "../testing.ts";

const CHUNK_BYTES = 4_096;

/** A body without a declared length, and the number of bytes read from it. */
function streamedBody(chunks: number): { body: ReadableStream<Uint8Array>; drawn: () => number } {
  let drawn = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        drawn += 1;
        controller.enqueue(new Uint8Array(CHUNK_BYTES).fill(32));
        if (drawn === chunks) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { body, drawn: () => drawn };
}

function putAccess(body: BodyInit): Promise<Response> {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  return testEdge.ask("/api/streams/bounded/access", { method: "PUT", headers, body });
}

test("a JSON body without a declared length is read up to the limit", async () => {
  const { body, drawn } = streamedBody(1_000);
  const answer = await putAccess(body);
  expect([answer.status, await answer.json()]).toMatchObject([413, { type: "/problems/too-large" }]);
  expect(drawn()).toBeLessThan(100);
});

test("a JSON body within the limit needs no declared length", async () => {
  const { body } = streamedBody(2);
  const padded = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      flush: (controller) => controller.enqueue(new TextEncoder().encode('{"playback":"public"}')),
    }),
  );
  expect((await putAccess(padded)).status).toBe(200);
});
