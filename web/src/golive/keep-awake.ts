/** Keeps the screen on, where the browser can. */

/** Requests a wake lock, again whenever the page is shown again, until the returned function is called. */
export function keepScreenAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let isOver = false;
  const request = (): void => {
    if (isOver || document.visibilityState !== "visible" || navigator.wakeLock === undefined) return;
    navigator.wakeLock
      .request("screen")
      .then((granted) => {
        if (isOver) void granted.release();
        else lock = granted;
      })
      // A low battery refuses it.
      .catch(() => {});
  };
  document.addEventListener("visibilitychange", request);
  request();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", request);
    void lock?.release().catch(() => {});
  };
}
