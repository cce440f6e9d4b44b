/** A brand's colours as a style sheet, and whether people can read what stands on them. Pure. */
import type { Brand } from "../../core/kit/brand.ts";

/** WCAG 2.2, 1.4.3 and 1.4.11. */
const MIN_CONTRAST = { text: 4.5, graphics: 3 } as const;
const WHITE = "#ffffff";
/** `--ground` of `web/src/kit/base.css`. */
const GROUND = "#08090c";

/** The style sheet. Throws an `Error` with one sentence for a colour that is none, or that lacks contrast. */
export function renderBrandStyle({ accent, accentBright }: Brand): string {
  requireContrast("accent", accent, WHITE, MIN_CONTRAST.text);
  requireContrast("accentBright", accentBright, GROUND, MIN_CONTRAST.graphics);
  return `:root { --live-deep: ${accent}; --live: ${accentBright}; }\n`;
}

function requireContrast(name: string, colour: string, other: string, least: number): void {
  if (!/^#[0-9a-f]{6}$/i.test(colour)) throw new Error(`The brand's ${name} is a colour like #d6133c, not ${colour}.`);
  const contrast = contrastOf(colour, other);
  if (contrast >= least) return;
  throw new Error(
    `The brand's ${name} ${colour} has a contrast of ${contrast.toFixed(1)} with ${other}, of which it needs ${least}.`,
  );
}

/** The contrast ratio of two colours, 1 to 21. */
export function contrastOf(one: string, other: string): number {
  const [light, dark] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => b - a);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

/** Relative luminance of `#rrggbb`. */
function luminanceOf(colour: string): number {
  const linear = (at: number): number => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5);
}
