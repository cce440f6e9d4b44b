/** Networks of addresses, since IPv6 hosts have any number of addresses. */

const OCTET = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const IPV6_GROUPS = 8;
/** Groups of sixteen bits of an IPv6 address that identify its network: the smallest allocation to a household. */
const NETWORK_GROUPS = 4;
/** Those of a site: what a provider, or a tunnel broker for nothing, gives one subscriber, with 65,536 networks in it. */
const SITE_GROUPS = 3;

/**
 * The network that is counted and limited as one: an IPv4 address itself, the /64 of an IPv6 address in lower-case
 * groups without leading zeros (`2001:db8:0:1::/64`). An IPv4-mapped address counts as IPv4. Null for invalid input.
 */
export function parseNetwork(ip: string): string | null {
  if (IPV4.test(ip)) return ip;
  const groups = parseV6(ip);
  if (groups === null) return null;
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return [groups[6] ?? 0, groups[7] ?? 0].flatMap((group) => [group >> 8, group & 255]).join(".");
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(":")}::/64`;
}

/** The /48 of a network of `parseNetwork`, which one sender may have whole (`2001:db8:0::/48`); null for an IPv4 address. */
export function siteOfNetwork(network: string): string | null {
  const [groups, rest] = network.split("::", 2);
  return groups === undefined || rest === undefined
    ? null
    : `${groups.split(":").slice(0, SITE_GROUPS).join(":")}::/48`;
}

function parseV4(ip: string): number[] | null {
  return IPV4.exec(ip)?.slice(1).map(Number) ?? null;
}

function parseV6(ip: string): number[] | null {
  const halves = ip.split("%", 1)[0]?.split("::") ?? [];
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === IPV6_GROUPS ? head : null;
  const missing = IPV6_GROUPS - head.length - tail.length;
  return missing < 1 ? null : [...head, ...Array<number>(missing).fill(0), ...tail];
}

/** The groups of one side of `::`; null if one is invalid. */
function parseGroups(side: string): number[] | null {
  if (side === "") return [];
  const groups: number[] = [];
  const texts = side.split(":");
  for (const [i, text] of texts.entries()) {
    const v4 = i === texts.length - 1 ? parseV4(text) : null;
    if (v4 !== null) {
      const [a = 0, b = 0, c = 0, d = 0] = v4;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(text)) groups.push(Number.parseInt(text, 16));
    else return null;
  }
  return groups;
}
