/** The used parts of k6's own modules. */
declare module "k6/crypto" {
  export function sha256(input: string, output: "hex"): string;
}
declare module "k6/http" {
  /** A response; `body` is null if it was not requested. */
  export interface Response {
    readonly status: number;
    readonly body: string | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly timings: { readonly duration: number };
  }
  const http: {
    asyncRequest(
      method: "GET" | "POST",
      url: string,
      body: string | null,
      params: { responseType: "text" | "none"; timeout: string; tags: Record<string, string> },
    ): Promise<Response>;
  };
  export default http;
}
declare module "k6/metrics" {
  export class Counter {
    constructor(name: string);
    add(value: number, tags?: Record<string, string>): void;
  }
  export class Trend {
    constructor(name: string, isTime?: boolean);
    add(value: number, tags?: Record<string, string>): void;
  }
}
