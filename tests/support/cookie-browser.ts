/** A browser as far as a sign-in needs one: it keeps the cookies of each origin, and goes where answers send it. */

/** Redirects that are followed in a row. */
const MOST_REDIRECTS = 20;

/** What a browser has arrived at. */
export interface BrowserPage {
  readonly url: URL;
  readonly answer: Response;
  readonly html: string;
}

export class CookieBrowser {
  /** By origin and name. */
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Every address that was opened, the latest last. */
  readonly visited: string[] = [];

  /** Opens an address and follows its redirects, up to one for which `stopsAt` is true. */
  async open(
    address: string | URL,
    init: RequestInit = {},
    stopsAt = (_url: URL): boolean => false,
  ): Promise<BrowserPage> {
    let url = new URL(address);
    let request: RequestInit = init;
    for (let redirects = 0; redirects < MOST_REDIRECTS; redirects += 1) {
      const answer = await this.send(url, request);
      const location = answer.headers.get("location");
      if (location === null) return { url, answer, html: await answer.text() };
      await answer.body?.cancel();
      url = new URL(location, url);
      if (stopsAt(url)) return { url, answer, html: "" };
      request = {};
    }
    throw new Error(`${url.href}: too many redirects`);
  }

  /** One request, with the cookies of its origin; a redirect is not followed. */
  async send(url: URL, init: RequestInit = {}): Promise<Response> {
    const jar = this.#cookies.get(url.origin) ?? new Map<string, string>();
    this.#cookies.set(url.origin, jar);
    this.visited.push(url.href);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string>), ...(cookie === "" ? {} : { cookie }) };
    const answer = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const each of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      if (/;\s*max-age=0/i.test(each) || value === "" || /;\s*expires=Thu, 01 Jan 1970/i.test(each)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  /** The cookie of an origin, or null. */
  cookie(origin: string, name: string): string | null {
    return this.#cookies.get(origin)?.get(name) ?? null;
  }

  /** Sets a cookie, as somebody with access to the browser could. */
  setCookie(origin: string, name: string, value: string): void {
    this.#cookies.set(origin, (this.#cookies.get(origin) ?? new Map<string, string>()).set(name, value));
  }

  /** Sends the only form of a page, with further fields. */
  submit(
    { url, html }: BrowserPage,
    fields: Readonly<Record<string, string>> = {},
    stopsAt?: (url: URL) => boolean,
  ): Promise<BrowserPage> {
    const action = /<form[^>]* action="([^"]+)"/.exec(html)?.[1];
    if (action === undefined) throw new Error(`${url.href} has no form: ${html}`);
    const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const body = new URLSearchParams({
      ...Object.fromEntries(hidden.map(([, name = "", value = ""]) => [name, value])),
      ...fields,
    });
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: url.origin };
    return this.open(new URL(action, url), { method: "POST", body: body.toString(), headers }, stopsAt);
  }
}
