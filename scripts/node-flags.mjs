/** Flags of Node by program. Plain JavaScript for Node 18 and later, without dependencies. */

/**
 * Flags of Node beside those that run TypeScript.
 * @param {string} program path from the project's root
 * @returns {readonly string[]}
 */
export function listNodeFlags(program) {
  switch (program) {
    case "tests/simulation/main.ts":
      // What a simulation allocates lives for a request: with room for many of them, a collection finds nearly nothing to keep.
      return ["--max-semi-space-size=64", "--min-semi-space-size=64"];
    case "origin/main.ts":
      // Media is memory outside the heap. The default young generation, 16 MB, takes a minute to fill with what points to it,
      // so collections of the whole heap have to free it: every 6 s with one sender, a quarter of the process's CPU.
      return ["--max-semi-space-size=2"];
    default:
      return [];
  }
}
