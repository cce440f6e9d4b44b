import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compressPiece, joinGzipPieces } from "./gzip-pieces.ts";

test("separately compressed pieces form one gzip body that the runtime's readers decompress", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 0, max: 90_000 }).map((length) => new Uint8Array(length).fill(length & 0xff)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 6 }), async (pieces) => {
      const body = joinGzipPieces(pieces.map((piece) => compressPiece(piece, 5)));
      const whole = pieces.flatMap((piece) => [...piece]);
      expect([...gunzipSync(body)]).toEqual(whole);
      // This one accepts nothing after the first member, and checks the sum.
      const read = new Response(body).body?.pipeThrough(new DecompressionStream("gzip"));
      expect((await new Response(read).arrayBuffer()).byteLength).toBe(whole.length);
    }),
    { numRuns: 30 },
  );
});
