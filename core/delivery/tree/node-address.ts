/** Addresses of nodes in the delivery tree. */

/** Regions of the tree: the platform's location hints, one shield each at most. */
export const REGIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;

/** A region of the tree. */
export type Region = (typeof REGIONS)[number];

/** The location of an isolate: a data centre (its airport code) and its region. */
export interface Site {
  readonly region: Region;
  readonly colo: string;
}

/** A node that feeds others. A colo's shards are its children, for a colo with more isolates than one node can feed. */
export type NodeAddress =
  | { readonly tier: "live" }
  | { readonly tier: "region"; readonly region: Region }
  | { readonly tier: "colo"; readonly region: Region; readonly colo: string; readonly shard: number };

/** The root of every tree. */
export const LIVE_ADDRESS: NodeAddress = { tier: "live" };

/** The shield of a data centre. */
export const coloShieldAddress = (site: Site): NodeAddress => ({ tier: "colo", ...site, shard: 0 });

/** The shield of a region. */
export const regionShieldAddress = (site: { readonly region: Region }): NodeAddress => ({
  tier: "region",
  region: site.region,
});

/** An address as text: part of an object's name, of a report, and of a colo's cache key. */
export function formatNodeAddress(address: NodeAddress): string {
  switch (address.tier) {
    case "live":
      return "live";
    case "region":
      return address.region;
    case "colo":
      return `${address.region}.${address.colo}.${address.shard}`;
  }
}

/** The address in a text, or null. */
export function parseNodeAddress(text: string): NodeAddress | null {
  if (text === "live") return LIVE_ADDRESS;
  const [region, colo, shard, ...rest] = text.split(".");
  if (rest.length > 0 || !isRegion(region)) return null;
  if (colo === undefined) return { tier: "region", region };
  if (!/^[A-Z0-9]{2,8}$/.test(colo) || !/^(0|[1-9]\d?)$/.test(shard ?? "")) return null;
  return { tier: "colo", region, colo, shard: Number(shard) };
}

/** Whether two addresses are the same node. */
export const isSameNode = (a: NodeAddress, b: NodeAddress): boolean => formatNodeAddress(a) === formatNodeAddress(b);

/** Whether `text` names a region. */
export function isRegion(text: unknown): text is Region {
  return (REGIONS as readonly unknown[]).includes(text);
}

/** The platform's location data of a request; every field may be missing. */
export interface RequestLocation {
  readonly colo?: string | undefined;
  readonly continent?: string | undefined;
  readonly country?: string | undefined;
  /** Degrees, as text. */
  readonly longitude?: string | undefined;
}

/** Countries that the platform's `me` hint is for. */
const MIDDLE_EAST_COUNTRIES: ReadonlySet<string> = new Set(
  "AE BH CY EG IL IQ IR JO KW LB OM PS QA SA SY TR YE".split(" "),
);

/** The site of a request's location data, or null if unknown (a local run has none). */
export function locateSite(hints: RequestLocation | undefined): Site | null {
  const colo = hints?.colo;
  if (colo === undefined || !/^[A-Z0-9]{2,8}$/.test(colo)) return null;
  return { colo, region: chooseRegion(hints) };
}

function chooseRegion({ continent, country, longitude }: RequestLocation = {}): Region {
  if (country !== undefined && MIDDLE_EAST_COUNTRIES.has(country)) return "me";
  const east = Number(longitude);
  switch (continent) {
    case "NA":
      return east < -100 ? "wnam" : "enam";
    case "SA":
      return "sam";
    case "AS":
      return "apac";
    case "OC":
      return "oc";
    case "AF":
      return "afr";
    default:
      return east > 15 ? "eeur" : "weur";
  }
}
