/** Branches that no run reaches, each with its reason. They are listed by the report, and no share counts them. */

/** Branches of one line. */
export interface UnreachableBranch {
  readonly path: string;
  /** What the line contains. */
  readonly text: string;
  readonly kinds: readonly string[];
  readonly why: string;
}

/** All of them. */
export const UNREACHABLE: readonly UnreachableBranch[] = [];
