import { join, sep } from "node:path";
import { expect, test } from "vitest";
import { BRAND } from "../../core/kit/brand.ts";
import { contrastOf, renderBrandStyle } from "./brand-style.ts";
import { buildPages } from "./build-pages.ts";

test("a brand is on every page: its name as text, its colours, its favicon", async () => {
  const brand = {
    ...BRAND,
    name: "Ann & <Bob>",
    accent: "#00695c",
    accentBright: "#4db6ac",
    favicon: join("docs", "scale-load.svg"),
    reports: "https://help.example/?form=a&b",
  };
  const pages = await buildPages(brand);
  const text = (path: string): string => new TextDecoder().decode(pages.get(path));
  for (const page of [...pages.keys()].filter((path) => path.endsWith(".html"))) {
    expect(text(page), page).toContain('<meta name="application-name" content="Ann &amp; &lt;Bob&gt;" />');
    // The web component is the product's.
    expect(text(page).replace(/data-hash[^<]*<\/script>/, ""), page).not.toMatch(/\bCorral\b/);
  }
  const styles = [...pages.keys()].filter((path) => path.startsWith(`assets${sep}`) && path.endsWith(".css"));
  expect(styles.length).toBeGreaterThan(3);
  for (const style of styles) {
    expect(text(style)).toContain("#00695c");
    expect(text(style)).not.toContain(BRAND.accent);
  }
  expect(text("watch.html")).toContain('<meta name="corral-reports" content="https://help.example/?form=a&amp;b" />');
  expect(text("favicon.svg")).not.toContain("<title>Corral");
});

test("reports go to a form or to a mailbox, and a link of another kind is refused", async () => {
  for (const reports of [
    "javascript:alert(1)",
    "http://help.example/",
    "mailto:",
    "mailto:a@b.example?bcc=c@d.example",
  ]) {
    await expect(buildPages({ ...BRAND, reports })).rejects.toThrow("The brand's reports go to an address like");
  }
});

test("colours on which nobody could read are refused with their contrast", () => {
  expect(contrastOf("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrastOf("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  expect(() => renderBrandStyle(BRAND)).not.toThrow();
  expect(() => renderBrandStyle({ ...BRAND, accent: "#ffcc00" })).toThrow("#ffcc00 has a contrast of 1.5 with #ffffff");
  expect(() => renderBrandStyle({ ...BRAND, accentBright: "#111111" })).toThrow(/accentBright #111111/);
  expect(() => renderBrandStyle({ ...BRAND, accent: "red;}body{" })).toThrow(/is a colour like/);
});
