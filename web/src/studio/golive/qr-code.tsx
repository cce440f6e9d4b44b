/** A QR code as one path of an SVG. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { encode } from "uqr";

/** Modules of white around the code, as ISO/IEC 18004 requires. */
const QUIET_ZONE_MODULES = 4;

/** The QR code of `text`; `label` says what it opens. */
export function QrCode({ text, label }: { text: string; label: string }): VNode {
  const { size, data } = useMemo(() => encode(text, { ecc: "L", border: QUIET_ZONE_MODULES }), [text]);
  const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
