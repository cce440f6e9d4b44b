/** Values of variables as people write them: each is parsed here, or refused with its requirement. */
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
