/** The page around this one. */

/** Its origin, where the browser tells it; null if not, or without one. */
export function findParentOrigin(): string | null {
  if (parent === window) return null;
  // Firefox does not have it.
  const [nearest] = (location as Partial<Pick<Location, "ancestorOrigins">>).ancestorOrigins ?? [];
  if (nearest !== undefined) return nearest;
  return URL.canParse(document.referrer) ? new URL(document.referrer).origin : null;
}
