import fc from "fast-check";
import { expect, test } from "vitest";
import { parseNetwork, siteOfNetwork } from "./network.ts";

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["::ffff:cb00:7109", "203.0.113.9"],
  ["2001:DB8:0:1:a:b:c:d", "2001:db8:0:1::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", null],
  ["256.1.1.1", null],
  ["01.2.3.4", null],
  ["1.2.3", null],
  ["2001:db8::1::2", null],
  ["1:2:3:4:5:6:7:8::", null],
  ["1:2:3:4:5:6:7", null],
  ["gggg::", null],
  ["host.example", null],
])("%s belongs to network %s", (ip, network) => {
  expect(parseNetwork(ip)).toBe(network);
});

test("every IPv6 address has a network", () => {
  fc.assert(fc.property(fc.ipV6(), (ip) => parseNetwork(ip) !== null));
});

test("all addresses of a /64 have one network, and those of two have two", () => {
  const groups = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 });
  const text = (parts: readonly number[]): string => parts.map((part) => part.toString(16)).join(":");
  fc.assert(
    fc.property(groups, groups, (a, b) => {
      expect(parseNetwork(text([...a.slice(0, 4), ...b.slice(4)]))).toBe(parseNetwork(text(a)));
      expect(parseNetwork(text(b)) === parseNetwork(text(a))).toBe(text(a.slice(0, 4)) === text(b.slice(0, 4)));
    }),
  );
});

test("the site of a network is its /48, and an IPv4 address has none", () => {
  const site = (ip: string): string | null => siteOfNetwork(parseNetwork(ip) ?? "");
  expect(site("2001:db8:7:ab::1")).toBe("2001:db8:7::/48");
  expect(site("2001:DB8:7:1:2:3:4:5")).toBe("2001:db8:7::/48");
  expect(site("2001:db8::1")).toBe("2001:db8:0::/48");
  expect(site("::1")).toBe("0:0:0::/48");
  expect([site("198.51.100.7"), site("::ffff:198.51.100.7")]).toEqual([null, null]);
});
