import fc from "fast-check";
import { expect, test } from "vitest";
import { COMMANDS } from "../commands/index.ts";
import { decodeClientFrame } from "../shard/decode-client-frame.ts";
import { CLIENT_FRAME_FIELDS, CLIENT_FRAME_SCHEMAS } from "./client-frames.ts";

/** Values around the limits of some field. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, 0, -0, 1, -1, 50, 51, 1.5, 1e300, Number.MAX_SAFE_INTEGER, 2 ** 53),
  fc.constantFrom("", " ", "hi", " hi ", "\ud800", "x".repeat(64), "x".repeat(65), "moderator", "host", "audit", "🎉"),
  fc.constantFrom("x".repeat(500), "x".repeat(501), ` ${"x".repeat(500)} `, `${" ".repeat(600)}x`, "🎉🎉", "👩‍🚀"),
  fc.constantFrom({ epoch: "e", offset: 0 }, { epoch: "", offset: 0 }, { epoch: " e ", offset: -1 }, [], {}),
  fc.constantFrom(["spam"], [""], new Array(501).fill("x"), { slowS: 3_600 }, { slowS: 3_601 }, { review: 1 }),
  fc.constantFrom({ levels: { hate: 4 } }, { levels: { hate: 5 } }, { allowed: ["x"] }, { allowed: "x" }),
  fc.jsonValue(),
);
const fieldNames = [
  ...Object.values(CLIENT_FRAME_FIELDS).flatMap((fields) => Object.keys(fields)),
  ...Object.values(COMMANDS).flatMap(({ fields }) => Object.keys(fields)),
];
const command = fc
  .tuple(
    fc.constantFrom(...Object.keys(COMMANDS), "none", "__proto__"),
    fc.dictionary(fc.constantFrom(...fieldNames), value),
  )
  .map(([kind, rest]) => ({ ...rest, kind }));
const likelyCommand = fc.oneof(
  fc.record(
    { kind: fc.constant("chat"), text: fc.constantFrom("hi", " hi ", "x".repeat(501)), replyTo: value },
    { requiredKeys: ["kind", "text"] },
  ),
  fc.record({ kind: fc.constantFrom("clear", "ban", "unban"), subject: fc.constant("ann"), address: value }),
  fc.record({ kind: fc.constant("modes"), modes: fc.dictionary(fc.constantFrom("slowS", "unique", "review"), value) }),
);
const frame = fc
  .tuple(
    fc.constantFrom(...Object.keys(CLIENT_FRAME_FIELDS)),
    fc.dictionary(fc.constantFrom(...fieldNames), value),
    fc.oneof(command, likelyCommand, value),
  )
  .map(([type, rest, act]) => JSON.stringify({ id: "1", count: 1, emoji: "🎉", ...rest, type, act }));

test("the decoder accepts the frames that their schemas accept, with the same values in the same order", () => {
  let accepted = 0;
  fc.assert(
    fc.property(frame, (text) => {
      const decoded = decodeClientFrame(text);
      if ("close" in decoded && decoded.close === "tooLarge") return;
      const fields: { type: string } = JSON.parse(text);
      const parsed = CLIENT_FRAME_SCHEMAS.get(fields.type)?.safeParse(fields);
      if (parsed?.success === true) accepted += 1;
      expect(JSON.stringify("frame" in decoded ? decoded.frame : null), text).toBe(
        JSON.stringify(parsed?.success === true ? parsed.data : null),
      );
    }),
    { numRuns: 5_000 },
  );
  expect(accepted).toBeGreaterThan(1_000);
});

test("the hand-written command decoder reads the same as its schema", () => {
  fc.assert(
    fc.property(fc.oneof(command, likelyCommand), (fields) => {
      for (const definition of Object.values(COMMANDS)) {
        const own = JSON.parse(JSON.stringify({ ...fields, kind: definition.kind }));
        const parsed = definition.schema.safeParse(own);
        expect(JSON.stringify(definition.read(own))).toBe(JSON.stringify(parsed.success ? parsed.data : null));
      }
    }),
    { numRuns: 2_000 },
  );
});
