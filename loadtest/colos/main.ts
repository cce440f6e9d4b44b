/** `npm run colos`: many data centres on this machine with a broadcast on them, to be watched, loaded and broken by hand. */
import { defineCommand, runMain } from "citty";
import { complaintAbout } from "../../scripts/known-options.ts";
import { BadOptions, type PlaceArgs, parsePlaces } from "../options.ts";
import { SyntheticPublisher } from "../publisher.ts";
import { startColos } from "./colos.ts";

const STREAM = "demo";

const ARGS = {
  colos: { type: "string", description: "data centres", default: "4" },
  regions: { type: "string", description: "regions that they lie in", default: "2" },
  isolates: { type: "string", description: "isolates in each data centre", default: "2" },
  latency: { type: "string", description: "round trip to the Live object, ms", default: "0" },
} as const;

const command = defineCommand({
  meta: { name: "npm run colos --", description: "Runs many data centres on this machine until Ctrl-C." },
  args: ARGS,
  async run({ args }) {
    try {
      const complaint = complaintAbout(args, ARGS);
      if (complaint !== null) throw new BadOptions(complaint);
      await run(args);
    } catch (error) {
      if (!(error instanceof BadOptions)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

async function run(args: PlaceArgs): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  const colos = await startColos(parsePlaces(args));
  const publisher = await SyntheticPublisher.start(colos.core, STREAM, colos.adminToken);
  console.log(`core        ${colos.core}/studio/${STREAM}`);
  for (const { url, site } of colos.edges) console.log(`${site.padEnd(11)} ${url}/live/${STREAM}/multivariant.m3u8`);
  console.log(`
break       curl -X PUT ${colos.faultsUrl} -d '{"live":"refuse","region":500}'    colo, region, live, r2: "refuse", or ms more
mend        curl -X PUT ${colos.faultsUrl} -d '{}'
kill        curl -X POST '${colos.core}/api/streams/${STREAM}/restart?node=live' -H 'Authorization: Bearer ${colos.adminToken}'
Ctrl-C ends it.`);
  await stopped;
  await colos.fault({});
  await publisher.stop();
  await colos.stop();
}

await runMain(command);
