import fc from "fast-check";
import { expect, test } from "vitest";
import { EventStreamReader } from "./event-stream-reader.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

test("events are read however they are cut into chunks", () => {
  const text =
    'event: health\ndata: {"say":"größer"}\n\n: comment\n\nid: 1\r\ndata: two\r\ndata:lines\r\n\r\nevent: x\n\n';
  const bytes = encode(text);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sizes) => {
      const reader = new EventStreamReader();
      const events: string[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        events.push(...reader.push(bytes.subarray(at, at + size)));
        at += size;
      }
      // A chunk that ends between CR LF pairs ends an event early, and an empty one follows.
      expect(events).toEqual(['{"say":"größer"}', "two\nlines"]);
    }),
  );
});

test("an event that never ends is refused", () => {
  const reader = new EventStreamReader();
  const chunk = encode(`data: ${"x".repeat(600_000)}`);
  reader.push(chunk);
  expect(() => reader.push(chunk)).toThrow(RangeError);
});
