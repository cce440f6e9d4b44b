import fc from "fast-check";
import { expect, test } from "vitest";
import { makeTestConfig } from "../broadcast/testing.ts";
import { parseBroadcastOpening, parsePartMeta } from "./publish-request.ts";
import { BroadcastOpeningSchema, PartMetaSchema } from "./publish-schemas.ts";

const PART = {
  msn: 3,
  part: 0,
  durationTicks: 30_000,
  independent: true,
  gap: false,
  start: { programTimeMs: 1_700_000_000_000, initVersion: 1, discontinuity: false },
  close: { iframeBytes: 900 },
};

/** Values at and around every limit, and of every other type. */
const edges = fc.oneof(
  fc.constantFrom<unknown>(
    ...[-1, 0, 1, 0.5, 60, 61, 127, 128, 86_400, 86_401, 999_999_999, 1e9, 1e9 + 1, 1e10, 1e10 + 1, 16_777_216],
    ...[16_777_217, 8.64e15, 8.65e15, 2 ** 53 - 1, 2 ** 53, 1e300, Number.MIN_VALUE, -0],
    ...[
      null,
      true,
      false,
      "",
      "a",
      "avc1.64001f",
      "avc1,mp4a.40.2",
      "en-GB",
      "720p",
      "UPPER",
      "video",
      "audio",
      "token",
    ],
    ...[[], {}, { iframeBytes: 1 }],
  ),
  fc.jsonValue(),
);

/** An object with some members replaced, removed or added. */
function mutated(value: object): fc.Arbitrary<unknown> {
  const keys = [...Object.keys(value), "more"];
  return fc
    .dictionary(fc.constantFrom(...keys), fc.option(edges, { nil: undefined }), { maxKeys: 3 })
    .map((changes) => {
      // As in JSON: undefined members are absent.
      return JSON.parse(JSON.stringify({ ...value, ...changes })) as unknown;
    });
}

test("the part-header decoder and its schema accept the same values with the same result", () => {
  const nested = fc
    .tuple(mutated(PART), fc.option(mutated(PART.start)), fc.option(mutated(PART.close)))
    .map(([part, start, close]) => ({
      ...(part as object),
      ...(start === null ? {} : { start }),
      ...(close === null ? {} : { close }),
    }));
  const texts = fc.oneof(nested, mutated(PART), fc.jsonValue()).map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(texts, (text) => {
      const decoded = parsePartMeta(text);
      const parsed = PartMetaSchema.safeParse(JSON.parse(text));
      expect(parsed.success, `${text}: ${JSON.stringify(decoded)}`).toBe(typeof decoded !== "string");
      if (parsed.success) expect(parsed.data).toEqual(decoded);
    }),
    { numRuns: 2_000 },
  );
});

test("the decoder of opening requests and its schema accept the same values with the same result", () => {
  const config = makeTestConfig();
  const [track] = config.tracks;
  if (track === undefined) throw new Error("the test broadcast has no track");
  const openings = fc.oneof(
    mutated({ ...config, playback: "token" }),
    fc.array(mutated(track), { maxLength: 3 }).map((tracks) => ({ ...config, tracks })),
  );
  fc.assert(
    fc.property(openings, (value) => {
      const decoded = parseBroadcastOpening(JSON.stringify(value));
      const parsed = BroadcastOpeningSchema.safeParse(value);
      expect(parsed.success, `${JSON.stringify(value)}: ${JSON.stringify(decoded)}`).toBe(typeof decoded !== "string");
      if (!parsed.success || typeof decoded === "string") return;
      const { playback = null, ...rest } = parsed.data;
      expect({ config: rest, playback }).toEqual(decoded);
    }),
    { numRuns: 2_000 },
  );
});
