/** Single byte ranges of RFC 9110. */

/** The requested bytes of a `Range` header (inclusive); null: all of them; multiple ranges are answered with the whole. */
export function parseByteRange(
  header: string | null,
  length: number,
): { readonly first: number; readonly last: number } | "unsatisfiable" | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null) return null;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return null;
  if (from === "") {
    const suffix = Math.min(Number(to), length);
    return suffix === 0 ? "unsatisfiable" : { first: length - suffix, last: length - 1 };
  }
  const first = Number(from);
  const last = to === "" ? length - 1 : Math.min(Number(to), length - 1);
  if (first >= length) return "unsatisfiable";
  return last < first ? null : { first, last };
}
