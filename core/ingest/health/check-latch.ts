/** Hysteresis of one check: it rises after its condition has held for a time, and falls after twice that time without. */
import { HEALTH_SEVERITIES, type HealthSeverity } from "./health-check.ts";

/** One severity level: whether a reading of at least it has held, or been away, for long enough. */
interface LevelState {
  isRaised: boolean;
  /** Since when the condition has been the opposite of `isRaised`; null while it is not. */
  turnedMs: number | null;
}

/**
 * The latch of one check. Each severity has its own hysteresis, so a severity does not flap either: the shown one is the
 * worst that is raised.
 */
export class CheckLatch {
  readonly #riseMs: number;
  readonly #fallMs: number;
  readonly #levels: readonly LevelState[] = HEALTH_SEVERITIES.map(() => ({ isRaised: false, turnedMs: null }));

  /** Milliseconds that the condition holds before the check rises, and is away before it falls. */
  constructor(riseMs: number, fallMs: number) {
    this.#riseMs = riseMs;
    this.#fallMs = fallMs;
  }

  /** The shown severity, or null. */
  get severity(): HealthSeverity | null {
    const at = this.#levels.findLastIndex(({ isRaised }) => isRaised);
    return HEALTH_SEVERITIES[at] ?? null;
  }

  /** Raises the check at once. */
  raise(severity: HealthSeverity): void {
    const worst = HEALTH_SEVERITIES.indexOf(severity);
    for (const [level, state] of this.#levels.entries()) if (level <= worst) state.isRaised = true;
  }

  /** Applies the severity of the condition now (null: it does not hold); returns the shown severity. Times never go back. */
  update(severity: HealthSeverity | null, nowMs: number): HealthSeverity | null {
    const worst = severity === null ? -1 : HEALTH_SEVERITIES.indexOf(severity);
    for (const [level, state] of this.#levels.entries()) {
      const holds = worst >= level;
      if (holds === state.isRaised) state.turnedMs = null;
      else {
        state.turnedMs ??= nowMs;
        if (nowMs - state.turnedMs >= (holds ? this.#riseMs : this.#fallMs)) {
          state.isRaised = holds;
          state.turnedMs = null;
        }
      }
    }
    return this.severity;
  }
}
