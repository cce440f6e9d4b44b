/** `Accept-Encoding` of RFC 9110: whether gzip is the preferred coding. */
import { BoundedMap } from "../../core/kit/bounded-map.ts";

/** Cached header texts, and characters of one: they come from outside. */
const MAX_CACHED_HEADERS = 64;
const MAX_CACHED_CHARS = 128;
/** Preferences by header text: few distinct texts occur, each of them often. */
const cachedPreferences = new BoundedMap<string, boolean>(MAX_CACHED_HEADERS);

/** Whether a response should be compressed with gzip. Without the header nothing is compressed. */
export function prefersGzip(header: string | null): boolean {
  if (header === null) return false;
  const before = cachedPreferences.get(header);
  if (before !== undefined) return before;
  const prefers = parsePreference(header);
  if (header.length > MAX_CACHED_CHARS) return prefers;
  cachedPreferences.set(header, prefers);
  return prefers;
}

function parsePreference(header: string): boolean {
  const weights = new Map<string, number>();
  for (const member of header.split(",")) {
    const [coding = "", ...parameters] = member.split(";").map((piece) => piece.trim().toLowerCase());
    if (coding !== "") weights.set(canonicalCoding(coding), parseWeight(parameters));
  }
  // §12.5.3: "The asterisk "*" symbol in an Accept-Encoding field matches any available content coding not explicitly
  // listed in the field."
  const others = weights.get("*");
  const gzip = weights.get("gzip") ?? others ?? 0;
  // The identity coding is acceptable unless it is excluded, and preferred only if it is listed.
  const identity = weights.get("identity") ?? others ?? 0;
  return gzip > 0 && gzip >= identity;
}

/** §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"." */
const canonicalCoding = (coding: string): string => (coding === "x-gzip" ? "gzip" : coding);

/** From 0, not acceptable, to 1; an invalid weight counts as 0. */
function parseWeight(parameters: readonly string[]): number {
  const [parameter] = parameters;
  if (parameter === undefined) return 1;
  const match = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(parameter);
  return match === null || parameters.length > 1 ? 0 : Number(match[1]);
}
