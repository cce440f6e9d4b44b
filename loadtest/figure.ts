/** One figure of a load run. */

/** One figure. */
export interface LoadFigure {
  readonly figure: string;
  readonly goal: string;
  readonly measured: string;
  /** Null without a goal. */
  readonly met: boolean | null;
}
