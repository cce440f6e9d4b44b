/** `npm test [-- FILTER…]`: every test, or the files whose path contains a filter. */
import { runTests } from "./run-tests.ts";

await runTests({ filters: process.argv.slice(2) });
