/** Keeps what is at the window's foot above a phone's keyboard, which covers the page without resizing it. */

/** The covered height at the foot, pixels. */
export function keyboardInsetPx(
  windowHeight: number,
  visible: { height: number; offsetTop: number; scale: number },
): number {
  // A pinched page is smaller too.
  if (visible.scale > 1.01) return 0;
  return Math.max(0, Math.round(windowHeight - visible.height - visible.offsetTop));
}

/** Sets `--keyboard` of the page to the covered height. */
export function followKeyboard(root: HTMLElement): void {
  const visible = window.visualViewport;
  if (visible === null) return;
  const update = (): void => root.style.setProperty("--keyboard", `${keyboardInsetPx(innerHeight, visible)}px`);
  visible.addEventListener("resize", update);
  visible.addEventListener("scroll", update);
}
