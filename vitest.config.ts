import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Two files at once: more only steal time from the FFmpeg, workerd and Chromium that some of them start. */
const MAX_WORKERS = 2;

/** Tests in which real processes take part; never run beside each other, never repeated until they pass. */
const BROADCAST_TESTS = [
  "tests/browser/**/*.test.ts",
  "tests/edge/**/*.test.ts",
  "tests/faults/**/*.test.ts",
  "tests/conformance/conformance.test.ts",
  "tests/sources/listen.test.ts",
  "tests/attacks/edge/**/*.test.ts",
];

const config: ViteUserConfig = defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    retry: 0,
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "core/**/*.test.ts",
            "origin/**/*.test.ts",
            "web/**/*.test.{ts,tsx}",
            "scripts/**/*.test.{ts,mjs}",
            "bench/**/*.test.ts",
            "loadtest/**/*.test.ts",
            "tests/**/*.test.ts",
          ],
          exclude: [...BROADCAST_TESTS, "core/*/workerd/**", "tests/attacks/objects/**", "**/node_modules/**"],
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
          name: "browser",
          include: BROADCAST_TESTS,
          fileParallelism: false,
          // After everything else, so that nothing takes the processor from a broadcast.
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
