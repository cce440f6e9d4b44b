import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Two files at once: the tests of these projects keep a processor busy each. */
const MAX_WORKERS = 2;
/** Whole edges spend most of their time waiting for media, timers and each other. */
const MAX_EDGES = 3;

/** Whole edges without a browser, and without assertions about the wall clock. */
const EDGE_TESTS = [
  "tests/edge/!(room-crowd).test.ts",
  "tests/conformance/conformance.test.ts",
  "tests/sources/listen.test.ts",
  "tests/attacks/edge/{full-disk,hosts,keys-on-disk,kills}.test.ts",
];

/** Tests that need the machine for themselves: Chromium plays, or durations are asserted. */
const BROWSER_TESTS = ["tests/browser/**/*.test.ts", "tests/edge/room-crowd.test.ts", "tests/faults/**/*.test.ts"];
const ATTACK_TESTS = "tests/attacks/edge/!(full-disk|hosts|keys-on-disk|kills).test.ts";

const config: ViteUserConfig = defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    retry: 0,
    projects: [
      {
        test: {
          name: "unit",
          // Modules hold no state of a test's, so files of a worker share them: loading them took a third of the time.
          isolate: false,
          include: [
            "core/**/*.test.ts",
            "origin/**/*.test.ts",
            "web/**/*.test.{ts,tsx}",
            "scripts/**/*.test.{ts,mjs}",
            "bench/**/*.test.ts",
            "loadtest/**/*.test.ts",
            "tests/**/*.test.ts",
          ],
          exclude: [
            ...EDGE_TESTS,
            ...BROWSER_TESTS,
            ATTACK_TESTS,
            "core/*/workerd/**",
            "tests/attacks/objects/**",
            "**/node_modules/**",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // Secrets when deployed; any value does here.
            miniflare: {
              // An isolate paces sockets and wrong secrets of one network: the limits of `wrangler.toml` would take 10 s to reach.
              ratelimits: {
                LIMIT_SOCKETS: { namespace_id: "7402", simple: { limit: 90, period: 60 } },
                LIMIT_SECRETS: { namespace_id: "7405", simple: { limit: 20, period: 60 } },
              },
              bindings: {
                CORRAL_ADMIN_TOKEN: "admin-token-of-the-tests-of-32-bytes",
                CORRAL_VIEWER_SECRET: "viewer-secret-of-the-tests-of-32-bytes",
                CORRAL_DEV_TOKENS: "edge.test",
                // Small, so that a handful of sockets makes a room of several shards with relays before them.
                CORRAL_ROOM_SHARD_FILL: "20",
                CORRAL_ROOM_FAN_OUT: "2",
                CORRAL_ROOM_SOCKETS_PER_ADDRESS: "30",
                // workerd's environment is its bindings; tests/attacks/scale.ts reads it.
                CORRAL_ATTACK: process.env["CORRAL_ATTACK"] ?? "",
              },
            },
          }),
        ],
        test: {
          name: "workers",
          globalSetup: "scripts/build-pages.ts",
          include: [
            "workers/**/*.test.ts",
            "durable-objects/**/*.test.ts",
            "core/*/workerd/**/*.test.ts",
            "tests/attacks/objects/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "edge",
          include: EDGE_TESTS,
          maxWorkers: MAX_EDGES,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "browser",
          include: [...BROWSER_TESTS, ATTACK_TESTS],
          fileParallelism: false,
          // Last, so that nothing takes the processor from a broadcast.
          sequence: { groupOrder: 2 },
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
