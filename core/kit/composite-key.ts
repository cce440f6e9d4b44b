/** Keys of several parts: two keys are equal only if all their parts are. */

/**
 * One string from several free texts. Each part is prefixed with its length, so no part can extend into the
 * next, whatever characters it contains.
 */
export function encodeCompositeKey(...parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join("");
}
