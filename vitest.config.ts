import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { LongFilesFirst } from "./scripts/test-order.ts";

/** More files at once than the two processors that the tests are made for: objects of the Worker wait for alarms and ticks. */
const MAX_WORKERS = 3;
/** Whole edges spend most of their time waiting for media, timers and each other. */
const MAX_EDGES = 3;

/** Whole edges without assertions about the wall clock; pages without a picture whose playback is judged. */
const EDGE_TESTS = [
  "tests/edge/**/*.test.ts",
  "tests/conformance/conformance.test.ts",
  "tests/sources/listen.test.ts",
  "tests/attacks/edge/{full-disk,hosts,keys-on-disk,kills,network-clients,printed-links}.test.ts",
  "tests/browser/{axe,chat,golive,guests,health,joins,landing,layout-shift,overview,pages,sign-in,studio}.test.ts",
  "tests/browser/{visual,watch-page}.test.ts",
];

/** Tests that need the machine for themselves, but for those above: Chromium plays, or durations are asserted. */
const BROWSER_TESTS = ["tests/browser/**/*.test.ts", "tests/faults/**/*.test.ts", "tests/attacks/edge/**/*.test.ts"];

/** Tests in workerd. */
const WORKER_TESTS = ["workers/**/*.test.ts", "durable-objects/**/*.test.ts", "core/*/workerd/**/*.test.ts"];

/** Those whose file has a runtime of its own: they count all calls and objects. */
const LONE_WORKER_TESTS = ["tests/attacks/objects/**/*.test.ts"];

/** The Worker's runtime with its bindings. */
const workerRuntime = (): ReturnType<typeof cloudflareTest> =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    // Secrets when deployed; any value does here.
    miniflare: {
      // An isolate paces sockets and wrong secrets of one network: the limits of `wrangler.toml` would take 10 s to reach.
      ratelimits: {
        LIMIT_SOCKETS: { namespace_id: "7402", simple: { limit: 90, period: 60 } },
        LIMIT_SECRETS: { namespace_id: "7405", simple: { limit: 20, period: 60 } },
      },
      email: { send_email: [{ name: "EMAIL", allowed_sender_addresses: ["live@example.com"] }] },
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
  });

const config: ViteUserConfig = defineConfig({
  test: {
    maxWorkers: MAX_WORKERS,
    retry: 0,
    sequence: { sequencer: LongFilesFirst },
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
            "deploy/**/*.test.ts",
            "bench/**/*.test.ts",
            "loadtest/**/*.test.ts",
            "tests/**/*.test.ts",
          ],
          exclude: [...EDGE_TESTS, ...BROWSER_TESTS, "core/*/workerd/**", ...LONE_WORKER_TESTS, "**/node_modules/**"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [workerRuntime()],
        test: {
          name: "workers",
          // A runtime serves many files, as an isolate serves many streams; starting one takes two seconds of a processor.
          isolate: false,
          globalSetup: "scripts/build-pages.ts",
          include: WORKER_TESTS,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [workerRuntime()],
        test: {
          name: "workers-alone",
          globalSetup: "scripts/build-pages.ts",
          include: LONE_WORKER_TESTS,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "edge",
          // As above: a worker's files share what is costly to load, and each starts edges of its own.
          isolate: false,
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
          isolate: false,
          include: BROWSER_TESTS,
          exclude: [...EDGE_TESTS, "**/node_modules/**"],
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
