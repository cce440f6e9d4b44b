/** `npm run colos`: several data centres on this machine with a broadcast, for manual tests. */
import { once } from "node:events";
import { defineCommand, runMain } from "citty";
import { withInterrupt } from "../../bench/interrupt.ts";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { type ColoArgs, OptionsError, parseColoOptions } from "../options.ts";
import { SyntheticPublisher } from "../publisher.ts";
import { type ColoHarness, startColoHarness } from "./colos.ts";

const STREAM = "demo";

const ARGS = {
  colos: { type: "string", description: "number of data centres", default: "4" },
  regions: { type: "string", description: "number of regions", default: "2" },
  isolates: { type: "string", description: "isolates per data centre", default: "2" },
  latency: { type: "string", description: "round trip to the Live object, ms", default: "0" },
} as const;

const command = defineCommand({
  meta: { name: "npm run colos --", description: "Runs several data centres on this machine until Ctrl-C." },
  args: ARGS,
  async run({ args }) {
    try {
      const complaint = describeOptionError(args, ARGS);
      if (complaint !== null) throw new OptionsError(complaint);
      await run(args);
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

async function run(args: ColoArgs): Promise<void> {
  const colos = await startColoHarness(parseColoOptions(args));
  try {
    await withInterrupt((stop) => publishUntil(stop, colos));
  } finally {
    await colos.stop();
  }
}

async function publishUntil(stop: AbortSignal, colos: ColoHarness): Promise<void> {
  const publisher = await SyntheticPublisher.start(colos.coreUrl, STREAM, colos.adminToken);
  console.log(`core        ${colos.coreUrl}/studio/${STREAM}`);
  for (const { url, site } of colos.edges) console.log(`${site.padEnd(11)} ${url}/live/${STREAM}/multivariant.m3u8`);
  console.log(`
break       curl -X PUT ${colos.faultsUrl} -d '{"live":"refuse","region":500}'    colo, region, live, r2: "refuse", or added ms
mend        curl -X PUT ${colos.faultsUrl} -d '{}'
kill        curl -X POST '${colos.coreUrl}/api/streams/${STREAM}/restart?node=live' -H 'Authorization: Bearer ${colos.adminToken}'
Ctrl-C ends it.`);
  if (!stop.aborted) await once(stop, "abort");
  await colos.setFaults({});
  await publisher.stop();
}

await runMain(command);
