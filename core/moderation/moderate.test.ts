import fc from "fast-check";
import { expect, test } from "vitest";
import { readLetters } from "./letter-sequence.ts";
import { MODERATION_LIMITS } from "./limits.ts";
import { identityMappedText, type MappedText } from "./mapped-text.ts";
import { compileWordLists, moderateText, uniformLevels } from "./moderate.ts";
import { cleanText, isBlankText, normalizePieces, textForms, toMatchForm, toSingleLine } from "./text-forms.ts";

const STRICT = uniformLevels(4);
const shown = (text: string, levels = STRICT): string[] =>
  moderateText(text, levels).matches.map(({ start, end }) => text.slice(start, end));

/** Adversarial text: any code unit, invisible characters, marks, joiners, and listed words. */
const worst = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 8 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(
        "\u200d",
        "\u200c",
        "\u034f",
        "\u0301",
        "\ufe0f",
        "\u202e",
        "\u0646",
        "\u0915",
        "\u094d",
        "👩",
        "🏽",
      ),
      fc.constantFrom("fuck", "s h i t", "@$$", "f**k", "ｐｏｒｎ", "kill yourself", " ", "***", "'", "ﷺ", "ㄱㅏ", "ｶﾞ"),
    ),
    { maxLength: 24 },
  )
  .map((pieces) => pieces.join(""));

const forms = fc.constantFrom(cleanText, toMatchForm);

function expectInside({ text, starts, ends }: MappedText, original: string): void {
  expect(starts.length).toBe(text.length);
  expect(ends.length).toBe(text.length);
  starts.forEach((start, unit) => {
    expect(start).toBeGreaterThanOrEqual(Math.max(0, starts[unit - 1] ?? 0));
    expect(ends[unit]).toBeGreaterThan(start);
    expect(ends[unit]).toBeLessThanOrEqual(original.length);
  });
}

test("every unit of a normalised text maps to a position of the original, in order", () => {
  fc.assert(fc.property(worst, forms, (text, form) => expectInside(form(text), text)));
});

test("normalisation is idempotent", () => {
  fc.assert(
    fc.property(worst, forms, (text, form) => {
      const once = form(text).text;
      expect(form(once).text).toBe(once);
    }),
    { numRuns: 500 },
  );
});

test("both forms computed at once equal the two separate ones, with the same positions", () => {
  fc.assert(
    fc.property(worst, (text) => {
      expect(textForms(text)).toEqual({ shown: cleanText(text), matched: toMatchForm(text) });
    }),
    { numRuns: 500 },
  );
});

/** A character with nothing after it that composes with it. */
const LONE_CHARACTER =
  /((?:^[\s\S]|[^\p{M}\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb\u3131-\u318e\uffa0-\uffdc])(?![\p{M}\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb\u3131-\u318e\uffa0-\uffdc]))/u;

/** The whole text in NFC, but for single characters that NFC replaces. */
function composeWhole(text: string): string {
  let composed = "";
  let run = "";
  for (const [index, piece] of text.split(LONE_CHARACTER).entries()) {
    if (index % 2 === 0 || piece.normalize("NFC") === piece) run += piece;
    else {
      composed += run.normalize("NFC") + piece;
      run = "";
    }
  }
  return composed + run.normalize("NFC");
}

test("normalising in pieces equals normalising the whole text, but for single characters that NFC would replace", () => {
  const texts = fc.array(fc.oneof(worst, fc.constantFrom("\u2126", "\uf900", "\u0958", "\u{1d15e}", "\u0344")));
  fc.assert(
    fc.property(
      texts.map((pieces) => pieces.join("")),
      (text) => {
        const inForm = (form: "NFC" | "NFKC"): string => normalizePieces(identityMappedText(text), form).text;
        expect(inForm("NFKC")).toBe(text.normalize("NFKC"));
        expect(inForm("NFC")).toBe(composeWhole(text));
      },
    ),
    { numRuns: 500 },
  );
  expect(composeWhole("e\u0301 \u2126 \u2126\u0301")).toBe("\u00e9 \u2126 \u038f");
});

test("any text gets a verdict whose matches lie within the text", () => {
  fc.assert(
    fc.property(worst, (text) => {
      const { matches, decision } = moderateText(text, STRICT);
      expect(decision === "allow").toBe(matches.length === 0);
      for (const { start, end } of matches) {
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThan(start);
        expect(end).toBeLessThanOrEqual(text.length);
      }
    }),
    { numRuns: 500 },
  );
});

test("each letter is reported with its position, and the runs are those of the letters", () => {
  fc.assert(
    fc.property(worst, fc.constantFrom("plain" as const, "leet" as const), (text, reading) => {
      const { letters, starts, ends, fragmentOf, runs, collapsed } = readLetters(toMatchForm(text), reading);
      expect(new Set([letters.length, starts.length, ends.length, fragmentOf.length]).size).toBe(1);
      expect(runs.at(-1)).toBe(letters.length);
      expect([...collapsed].length).toBe(runs.length - 1);
    }),
  );
});

test("characters that NFC replaces by others are shown as written, and matched as what they stand for", () => {
  // Compatibility ideographs of names, the ångström and the ohm sign, and a Hebrew letter with its point.
  for (const text of ["\ufa19\ufa4c", "\ufa1b", "10 \u212b", "5 \u2126", "\ufb2a"])
    expect(cleanText(text).text).toBe(text);
  for (const [shown, matched] of [
    ["\ufa19", "\u795e"],
    ["\u212b", "\u00c5"],
    ["\u2126", "\u03a9"],
  ] as const) {
    expect(textForms(shown).matched.text).toBe(matched);
    expect(cleanText(shown).text).toBe(shown);
  }
  expect(cleanText("e\u0301").text).toBe("\u00e9");
});

test("the displayed text is the written text in NFC without invisible characters and marks beyond the bound", () => {
  for (const text of ["10⁵ viewers, x² ½", "‼️ ⁉️ Ⓜ️ ㊗️ ℹ️ ™️", "¯\\_(ツ)_/¯", "(╯°□°）╯︵ ┻━┻", "ｈａｌｆ ｶﾞ", "ﬁﬂ Ⅷ ㎏"]) {
    expect(cleanText(text).text).toBe(text);
    expect(moderateText(text, STRICT).text).toBe(text);
  }
  expect(toMatchForm("10⁵ ﬁ ½").text).toBe("105 fi 1⁄2");
  const unseen = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\p{M}\ufff9-\ufffb]/gu;
  fc.assert(
    fc.property(worst, (text) => {
      // Marks compose with their base, so texts are compared in decomposed form.
      const bare = (all: string): string => all.normalize("NFD").replaceAll(unseen, "");
      expect(bare(cleanText(text).text)).toBe(bare(text));
    }),
    { numRuns: 500 },
  );
});

test("a text without visible characters is blank, and one with a single letter or picture is not", () => {
  const nothing = fc
    .array(
      fc.constantFrom(
        ...[0x20, 0x09, 0xa0, 0x3000, 0x2028, 0x2800, 0x1d159, 0x3164, 0x115f, 0x1160, 0xffa0, 0x200b, 0x200d, 0x2060],
        ...[
          0xfeff, 0x00ad, 0x034f, 0x180e, 0xfe0f, 0xe0100, 0xe0067, 0x1d173, 0x1bca0, 0x13430, 0x13441, 0xfffc, 0xfffe,
        ],
        ...[0x0301, 0x0302, 0x20e3, 0x0e33 + 1, 0x093e, 0x16fe4, 0x202e, 0x2066, 0x07],
      ),
      { maxLength: 12 },
    )
    .map((codes) => String.fromCodePoint(...codes));
  fc.assert(
    fc.property(
      nothing,
      nothing,
      fc.constantFrom("a", "1", "ツ", "⣿", "🎉", "‼", ".", "\u0644"),
      (before, after, sign) => {
        expect(isBlankText(before)).toBe(true);
        expect(isBlankText(cleanText(before).text)).toBe(true);
        expect(toSingleLine(before).length).toBeLessThanOrEqual(before.length);
        expect(isBlankText(cleanText(`${before}${sign}${after}`).text)).toBe(false);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("a match is reported at its position in the original text", () => {
  expect(shown("well f\u200bu\u0301\u0302ck that")).toEqual(["f\u200bu\u0301\u0302ck"]);
  expect(shown("💀 ｓｈｉｔ 💀")).toEqual(["ｓｈｉｔ"]);
  expect(shown("such an a s s here")).toEqual(["a s s"]);
  expect(shown("(ass)")).toEqual(["ass"]);
});

test("an overlap with other words is no match, and spelt-out words are matched whole", () => {
  for (const text of ["assessment", "c l a s s", "it's hit", "as so", "Niger", "annals", "a*b", "455", "pass it"]) {
    expect(shown(text), text).toEqual([]);
  }
});

test("joiners are kept only where scripts and emoji need them", () => {
  for (const text of ["می\u200cخواهم", "क्\u200dष", "👩\u200d🚀", "🏴\u{e0067}\u{e0062}\u{e007f}", "1\ufe0f\u20e3"]) {
    expect(cleanText(text).text).toBe(text);
  }
  expect(cleanText("a\u200db\u200cc\ufe0f\u{e0067}").text).toBe("abc");
  expect(cleanText("👩\u200d").text).toBe("👩");
});

test("marks beyond the bound are dropped", () => {
  expect(cleanText(`x${"\u0323".repeat(50)}`).text).toBe(`x${"\u0323".repeat(MODERATION_LIMITS.marksPerBase)}`);
});

test("a level selects the terms that match, and level 0 matches none", () => {
  const found = [0, 1, 2, 3, 4].map((level) => {
    return shown("nigger fuck shit damn", uniformLevels(level as 0 | 1 | 2 | 3 | 4)).length;
  });
  expect(found).toEqual([0, 1, 2, 3, 4]);
});

test("the most severe category decides between denied and held, and scores state severity", () => {
  expect(moderateText("well damn", STRICT)).toMatchObject({ decision: "hold", scores: { profanity: 0.25 } });
  expect(moderateText("damn faggot", STRICT)).toMatchObject({ decision: "deny", scores: { profanity: 0.25, hate: 1 } });
});

test("a stream's blocked words match in the same disguises, and its allowed words pass", () => {
  const words = compileWordLists(["spoiler", "*leak*", "🐍", "می\u200cخواهم"], ["damn", "fuck yeah"]);
  const decide = (text: string): string => moderateText(text, STRICT, words).decision;
  for (const text of ["$p0iler!", "s p o i l e r", "ｓｐｏｉｌｅｒ", "supersneakyleaks", "a 🐍", "میخواهم"]) {
    expect(decide(text), text).toBe("deny");
  }
  for (const text of ["spoilerish", "damn", "fuck yeah", "hello"]) expect(decide(text), text).toBe("allow");
  expect(decide("fuck no")).toBe("hold");
});

test("lists beyond their bounds are refused, and texts beyond theirs are held", () => {
  expect(() =>
    compileWordLists(
      Array.from({ length: MODERATION_LIMITS.wordsPerList + 1 }, () => "x"),
      [],
    ),
  ).toThrow(RangeError);
  expect(() => compileWordLists([], ["x".repeat(MODERATION_LIMITS.wordUnits + 1)])).toThrow(RangeError);
  expect(moderateText("a".repeat(MODERATION_LIMITS.messageUnits + 1), STRICT)).toMatchObject({
    decision: "hold",
    matches: [],
  });
  expect(moderateText("fuck ".repeat(800), STRICT).matches).toHaveLength(MODERATION_LIMITS.matches);
});
