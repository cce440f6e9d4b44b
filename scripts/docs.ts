/** `npm run docs`: writes the reference documents that are generated from code; tests compare them. */
import { writeFileSync } from "node:fs";
import { renderConfigDocs } from "../core/api/config.ts";
import { renderProblemDocs } from "../core/api/problem-docs.ts";

const DOCUMENTS = { "problems.md": renderProblemDocs, "configuration.md": renderConfigDocs } as const;

for (const [name, render] of Object.entries(DOCUMENTS)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), render());
}
