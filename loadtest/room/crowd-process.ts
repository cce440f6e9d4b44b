/** One process of a crowd: does what its parent asks, one job after another, and ends with it. */
import type { Job } from "./jobs.ts";
import { Mass } from "./mass.ts";
import { People } from "./people.ts";

const index = Number(process.argv[2]);
let mass: Mass | null = null;
let people: People | null = null;

async function carryOut(job: Job): Promise<unknown> {
  switch (job.do) {
    case "open":
      mass = new Mass(job, index);
      return mass.open();
    case "people":
      people = new People(job, index);
      return people.open();
    case "write":
      mass?.write(job.perSecond);
      return people?.write(job.perSecond);
    case "play":
      return mass?.play(job.share);
    case "clear":
      return mass?.clear();
    case "stats":
      return mass?.stats();
    case "people-stats":
      return people?.stats();
    case "close":
      mass?.close();
      people?.close();
      mass = null;
      people = null;
  }
}

process.on("message", ({ id, job }: { readonly id: number; readonly job: Job }) => {
  carryOut(job).then(
    (answer) => process.send?.({ id, answer: answer ?? null }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());
