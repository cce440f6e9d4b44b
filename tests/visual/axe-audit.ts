/** Accessibility of a page by axe-core: WCAG 2.2 A and AA, and axe's best practices. */
import axe from "axe-core";
import type { Page } from "playwright-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] as const;

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
  }[];
  readonly passes: readonly unknown[];
}

/** One line for each violation, with the elements. Throws if axe found nothing to look at. */
export async function findAxeViolations(page: Page): Promise<string[]> {
  // By the debugger: the page's content security policy lets no script in.
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(
    (values) =>
      (globalThis as unknown as { axe: { run(options: object): Promise<unknown> } }).axe.run({
        runOnly: { type: "tag", values },
        // The system draws with its own colours, on grounds that scripts cannot read.
        rules: { "color-contrast": { enabled: !matchMedia("(forced-colors: active)").matches } },
        resultTypes: ["violations"],
      }) as Promise<AxeResults>,
    [...TAGS],
  );
  if (passes.length === 0) throw new Error("axe has looked at nothing");
  return violations.map(({ id, help, nodes }) => {
    const where = nodes.map(({ target }) => target.flat().join(" ")).join(", ");
    return `${id} (${help}): ${where}`;
  });
}
