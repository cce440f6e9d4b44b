/** Maps characters to the letters that they look like. */
import lookalikes from "unhomoglyph/data.json" with { type: "json" };

/** The prototypes of Unicode TR39 ("confusables.txt"), by character. */
const PROTOTYPES: Readonly<Record<string, string>> = lookalikes;
const prototypeOf = (char: string): string | undefined =>
  Object.hasOwn(PROTOTYPES, char) ? PROTOTYPES[char] : undefined;

/** Lookalikes that TR39 maps outside Latin or not at all: small capitals, turned letters, currency signs, lower case of capitals. */
const EXTRA_LOOKALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: "ᗩᴀɐɑαДд",
    b: "ᗷʙʙßβƀ฿ɓвБ",
    c: "ςᑕᴄɔ¢ʗсↄ",
    d: "ᗪᴅɖɗԁđ",
    e: "ᗴᴇǝəɛεєɘꞓ€эзҽ",
    f: "ᖴꜰƒ₣ꞙɟ",
    g: "Ꮆɢɡɠԍ",
    h: "ᕼʜɥħнһ",
    i: "ɪıɩιᴉɨ",
    j: "ᴊɟʝ",
    k: "ᛕᴋʞκк₭ĸ",
    l: "ᒪʟɭɫ£₤ƚ",
    m: "ᗰᴍɯмʍɱ",
    n: "ᑎɴηипйɲŋℵ₦",
    o: "ᴏøθσфɵ๏",
    p: "ᑭᴘρ₱þ",
    q: "ǫ",
    r: "ᖇʀɹгяɾʁɼ",
    s: "ᔕꜱʂ§ƨ",
    t: "Ƭᴛʇтτŧ₮",
    u: "ᑌᴜцʊμυʉ",
    v: "ᐯᴠʌν",
    w: "ᗯᴡшщωѡ₩ฬ",
    x: "᙭χжх",
    y: "ʏʎчγу¥",
    z: "ᴢʐƶ",
  }).flatMap(([letter, signs]) => [...signs].map((sign) => [sign, letter] as const)),
);

/** Letters in boxes, circles and flags, which no normal form decomposes: the first of each run of 26. */
const ENCLOSED_ALPHABETS = [0x1f150, 0x1f170, 0x1f1e6] as const;

/** Marks that only change a letter's look; vowel signs of Indic and related scripts are letters. */
const DECORATIVE_MARK = /[\p{M}&&[\p{sc=Zinh}\p{sc=Arab}\p{sc=Hebr}\p{sc=Cyrl}\p{sc=Grek}\p{sc=Latn}]]/v;

/**
 * The lower-case letters that `char` (one code point) looks like, with `i` and `l` merged, since `I`, `l`, `1` and `|` look
 * alike; `char` in lower case if it has no lookalike; empty for a decorative mark.
 */
export function foldCharacter(char: string): string {
  if (char <= "\u007f") return mergeStrokeLetters(char.toLowerCase());
  const code = char.codePointAt(0) ?? 0;
  const run = ENCLOSED_ALPHABETS.find((first) => code >= first && code < first + 26);
  if (run !== undefined) return mergeStrokeLetters(String.fromCharCode(0x61 + code - run));
  let folded = "";
  for (const part of lookalikeOf(char)) {
    if (DECORATIVE_MARK.test(part)) continue;
    const lower = part.toLowerCase();
    folded +=
      EXTRA_LOOKALIKES.get(part) ?? EXTRA_LOOKALIKES.get(lower) ?? prototypeOf(lower === part ? "" : lower) ?? lower;
  }
  return mergeStrokeLetters(folded);
}

/** The replacement of `char`: a letter with accents for itself, else its lookalike, in normal form D. */
function lookalikeOf(char: string): string {
  const apart = char.normalize("NFD");
  if (/^[a-z]/i.test(apart)) return apart;
  return EXTRA_LOOKALIKES.get(char) ?? (prototypeOf(char) ?? char).normalize("NFD");
}

const mergeStrokeLetters = (text: string): string => text.replaceAll("i", "l");

/** Digits and signs that replace letters. */
export const LEET_LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ 0: "o", 1: "l", 2: "z", 3: "e", 4: "a", 5: "s", 6: "g", 7: "t", 8: "b", 9: "g", "@": "a", $: "s" }),
);

/** Signs that replace a letter only before another letter: at a word's end they are punctuation. */
export const LEET_INNER_LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ "!": "l", "|": "l", "+": "t" }),
);

/** Signs that mask a letter between two others. */
export const MASK_SIGNS = "*#%&";
