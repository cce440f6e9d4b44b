/** What a run of viewers or participants has measured. */

/** k6's metrics by name; those of viewers by flow have the same names. */
export interface K6Summary {
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
}
