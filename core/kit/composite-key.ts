/** Keys of several parts: two keys are the same only where each of their parts is. */

/**
 * One text of several free texts. Each part says its own length first, so no part can be taken for the end of one and the
 * beginning of the next, whatever characters it has.
 */
export function encodeCompositeKey(...parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join("");
}
