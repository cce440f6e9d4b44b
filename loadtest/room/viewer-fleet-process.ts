/** One process of a viewer fleet: runs its parent's jobs and ends with it. */
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { ClientLoad } from "./client-load.ts";
import type { FleetJob } from "./fleet-jobs.ts";
import { SocketLoad } from "./socket-load.ts";

const index = Number(process.argv[2]);
let socketLoad: SocketLoad | null = null;
let clientLoad: ClientLoad | null = null;

async function runJob(job: FleetJob): Promise<unknown> {
  switch (job.do) {
    case "open":
      socketLoad = new SocketLoad(job, index, systemPlatform);
      return socketLoad.open();
    case "people":
      clientLoad = new ClientLoad(job, index, systemPlatform);
      return clientLoad.open();
    case "write":
      socketLoad?.setWriteRate(job.perSecond);
      return clientLoad?.setWriteRate(job.perSecond);
    case "play":
      return socketLoad?.setPlayingShare(job.share);
    case "clear":
      return socketLoad?.resetStats();
    case "stats":
      return socketLoad?.stats();
    case "people-stats":
      return clientLoad?.stats();
    case "close":
      socketLoad?.close();
      clientLoad?.close();
      socketLoad = null;
      clientLoad = null;
  }
}

process.on("message", ({ id, job }: { readonly id: number; readonly job: FleetJob }) => {
  runJob(job).then(
    (answer) => process.send?.({ id, answer: answer ?? null }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());
