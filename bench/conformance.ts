/** The conformance suite against a live demo broadcast. */
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { runConformance } from "../tests/conformance/checker.ts";
import type { RuleStatus } from "../tests/conformance/model.ts";
import { startBroadcast } from "./broadcast.ts";
import type { BenchFigure } from "./stats.ts";

/** Until delta updates skip segments and segments leave the shortened window. */
const WARM_UP_MS = 18_000;
const SECONDS = 30;

/** Follows a demo broadcast and checks every rule. */
export async function measureConformance(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const stream = "bench-conformance";
  const origin = await startBroadcast(edge, adminToken, stream, ["--dvr", "14"]);
  try {
    await origin.waitForOutput("/watch/");
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
    const results = await runConformance(`${edge.url}/live/${stream}/multivariant.m3u8`, { seconds: SECONDS });
    const count = (status: RuleStatus): number => results.filter((result) => result.status === status).length;
    const wrong = results.filter(({ status }) => status === "broken" || status === "not-checked");
    return [
      {
        figure: "conformance",
        goal: "every applicable rule",
        measured: `${count("held")} held, ${wrong.length} not, ${count("not-applicable")} not applicable`,
        met: wrong.length === 0,
        values: {
          held: count("held"),
          notApplicable: count("not-applicable"),
          wrong: wrong.map(({ rule }) => rule).join(" "),
        },
      },
    ];
  } finally {
    await origin.interrupt();
  }
}
