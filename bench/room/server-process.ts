/** A process with one compared server, so that its CPU and memory are apart from the bench's. */
import { fileURLToPath } from "node:url";
import { startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../tests/support/admin-token.ts";
import { startBareObject } from "./bare-object.ts";
import type { BenchServerKind } from "./servers.ts";
import { startSocketIo } from "./socketio.ts";

/** The tick of the bare object with ticks, ms. */
const BARE_TICK_MS = 100;

async function start(kind: BenchServerKind, port: number, dataDir: string): Promise<() => Promise<void>> {
  switch (kind) {
    case "socketio":
      return startSocketIo(port);
    case "bare":
      return startBareObject(port, 0);
    case "bare-tick":
      return startBareObject(port, BARE_TICK_MS);
    case "corral":
    case "corral-counted": {
      const harness = fileURLToPath(new URL("../../loadtest/room/worker.ts", import.meta.url));
      const entry = kind === "corral" ? {} : { entry: harness };
      return (await startEdge({ port, dataDir, adminToken: ADMIN_TOKEN, ...entry })).stop;
    }
  }
}

const [kind = "corral", port = "0", dataDir = ""] = process.argv.slice(2);
const stop = await start(kind as BenchServerKind, Number(port), dataDir);
process.send?.("ready");
process.once("disconnect", () => void stop().finally(() => process.exit()));
