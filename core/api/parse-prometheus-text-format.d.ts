/** The part of parse-prometheus-text-format that tests use; it has no types of its own. */
declare module "parse-prometheus-text-format" {
  interface Family {
    readonly name: string;
    readonly help: string;
    /** `COUNTER`, `GAUGE`, … */
    readonly type: string;
    readonly metrics: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: string }[];
  }
  /** The families of a text. Throws on invalid Prometheus text. */
  export default function parse(text: string): readonly Family[];
}
