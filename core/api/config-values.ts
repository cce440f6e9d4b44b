/** Values of variables as people write them: each is parsed here, or refused with its requirement. */
import type { AccountReach } from "../access/account.ts";
import { parseEmailAddress } from "../access/email-address.ts";
import { parseStreamHosts, type StreamHosts } from "../access/stream-hosts.ts";
import { isRegion, type Site } from "../delivery/tree/node-address.ts";
import { type IngestAddresses, parseIngestAddresses } from "./ingest-addresses.ts";

/** The requirement that a text does not meet. */
export class InvalidVariable extends Error {}

/** A JWKS, as it is written. Throws `InvalidVariable`. */
export function parseKeySet(json: string): string {
  const invalid = new InvalidVariable('must be a JWKS in JSON, like {"keys":[…]}');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw invalid;
  }
  if (typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys)) return json;
  throw invalid;
}

/** A list of origins. Throws `InvalidVariable`. */
export function parseOrigins(list: string): readonly string[] {
  const origins = list.split(/[\s,]+/).filter((origin) => origin !== "");
  for (const origin of origins) {
    if (!/^https?:\/\/[^/\s]+$/.test(origin))
      throw new InvalidVariable("must be origins like https://www.example.com, with spaces between them");
  }
  return origins;
}

/** Addresses of ingest nodes. Throws `InvalidVariable`. */
export function parseAddresses(addresses: string): IngestAddresses {
  const parsed = parseIngestAddresses(addresses);
  if (parsed !== null) return parsed;
  throw new InvalidVariable("must be addresses like rtmps://ingest.example.com:1936, one of each protocol");
}

/** The address of a node, without a final slash. Throws `InvalidVariable`. */
export function parseWhipNode(url: string): string {
  if (/^https?:\/\/[A-Za-z0-9.:[\]-]{1,260}\/?$/.test(url)) return url.replace(/\/$/, "");
  throw new InvalidVariable("must be an address like https://ingest.example.com");
}

/** A region and a data centre. Throws `InvalidVariable`. */
export function parseSite(site: string): Site {
  const [region, colo = "", ...rest] = site.split("/");
  if (isRegion(region) && rest.length === 0 && /^[A-Z0-9]{2,8}$/.test(colo)) return { region, colo };
  throw new InvalidVariable("must be a region and a data centre like weur/FRA");
}

/** The address of a reviewer. Throws `InvalidVariable`. */
export function parseReviewerUrl(url: string): string {
  if (/^https?:\/\/[^\s/]+/.test(url)) return url;
  throw new InvalidVariable("must be an address like https://reviewer.example.com/review");
}

/** Whether guests are allowed. Throws `InvalidVariable`. */
export function parseGuests(rule: string): boolean {
  if (rule === "allow" || rule === "off") return rule === "allow";
  throw new InvalidVariable("must be allow or off");
}

/** What happens to a message without a review. Throws `InvalidVariable`. */
export function parseFallback(fallback: string): "hold" | "allow" {
  if (fallback === "hold" || fallback === "allow") return fallback;
  throw new InvalidVariable("must be hold or allow");
}

/** An address by `https`, or by `http` on this machine: whoever is between would read the sign-in. */
const SECURE_ADDRESS = /^(?:https:\/\/[^/\s?#@]+|http:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?)/;

/** The origin of the edge, as a URL writes it. Throws `InvalidVariable`. */
export function parseOrigin(origin: string): string {
  const written = origin.toLowerCase().replace(/\/$/, "");
  if (SECURE_ADDRESS.test(written) && URL.canParse(written) && new URL(written).origin === written) return written;
  throw new InvalidVariable("must be an origin like https://live.example.com");
}

/** The issuer of an OpenID provider, as it is written. Throws `InvalidVariable`. */
export function parseIssuer(issuer: string): string {
  if (SECURE_ADDRESS.test(issuer) && URL.canParse(issuer) && !/[?#\s]/.test(issuer)) return issuer;
  throw new InvalidVariable("must be an issuer like https://accounts.example.com");
}

/** Scopes of an OpenID request. Throws `InvalidVariable`. */
export function parseScopes(scopes: string): string {
  const each = scopes.split(/\s+/).filter((scope) => scope !== "");
  if (each.includes("openid") && each.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)))
    return each.join(" ");
  throw new InvalidVariable("must be scopes with spaces between them, and openid among them");
}

/** The streams that accounts open. Throws `InvalidVariable`. */
export function parseReach(reach: string): AccountReach {
  if (reach === "public" || reach === "token") return reach;
  throw new InvalidVariable("must be public or token");
}

/** The hosts by sign-in. Throws `InvalidVariable`. */
export function parseHosts(list: string): StreamHosts {
  const hosts = parseStreamHosts(list);
  if (hosts !== null) return hosts;
  throw new InvalidVariable("must be a list like ann@example.com=show,talk bob@example.com=*");
}

/** An e-mail address. Throws `InvalidVariable`. */
export function parseMailAddress(text: string): string {
  const address = parseEmailAddress(text);
  if (address !== null) return address;
  throw new InvalidVariable("must be an address like live@example.com");
}
