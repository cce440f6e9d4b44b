/** What an hour finds wrong, by stream, each once; and what a stream's health says by the edge's API. */
import { StreamHealthSchema } from "../../core/ingest/health/health-schemas.ts";
import { errorMessage } from "../../core/kit/error-message.ts";

/** The findings of a run. A failure of the run itself is one of them: what stands is told all the same. */
export class HourFindings {
  /** `stream: what`. */
  readonly entries: Set<string> = new Set();

  add(stream: string, what: string): void {
    const entry = `${stream}: ${what}`;
    if (this.entries.has(entry)) return;
    this.entries.add(entry);
    console.error(`  ${entry}`);
  }

  /** Waits for `work`, whose failure is a finding of `who`. Never rejects. */
  async guard(who: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.add(who, errorMessage(error));
    }
  }
}

/** Raised checks of a stream, by `GET` of `url`; also that there is no such answer. */
export async function readHealthFaults(url: string, headers: Readonly<Record<string, string>>): Promise<string[]> {
  let answer: Response;
  let body: unknown;
  try {
    answer = await fetch(url, { headers });
    body = answer.ok ? await answer.json() : await answer.text();
  } catch (error) {
    return [`the API does not tell its health: ${errorMessage(error)}`];
  }
  if (!answer.ok) return [`the API answers ${answer.status} for its health`];
  const health = StreamHealthSchema.safeParse(body);
  if (!health.success) return ["the API's answer is not a health"];
  const { state, checks } = health.data;
  if (state !== "good" && checks.length === 0) return [`the API says ${state}`];
  return checks.map(({ id }) => `the API has ${id}`);
}
