import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_JOIN_RATES } from "../delivery/join-admission.ts";
import { DEFAULT_SHARDING } from "../room/sharding.ts";
import {
  ConfigError,
  type ConfigVariables,
  getConfig,
  parseConfig,
  renderConfigDocs,
  VARIABLE_NAMES,
  variableDocs,
} from "./config.ts";

const SECRET = "a secret of the tests of 32 bytes";

test("an empty environment and one of empty variables give the defaults", () => {
  const byDefault = parseConfig({});
  expect(byDefault).toMatchObject({
    adminToken: null,
    edgeSecret: null,
    devTokens: null,
    pageOrigins: [],
    allowsGuests: true,
    history: { maxAgeMs: 86_400_000, maxEvents: 200_000 },
    sharding: DEFAULT_SHARDING,
    site: null,
    joinRates: DEFAULT_JOIN_RATES,
    review: { url: null, token: null, timeoutMs: 1_500, fallback: "allow" },
  });
  expect(parseConfig(Object.fromEntries(VARIABLE_NAMES.map((name) => [name, ""])))).toEqual(byDefault);
});

test("every default of the documentation parses to the default", () => {
  const written = VARIABLE_NAMES.map((name) => [name, variableDocs(name).byDefault]);
  expect(parseConfig(Object.fromEntries(written))).toEqual(parseConfig({}));
});

test("variables are parsed with their units", () => {
  const config = parseConfig({
    CORRAL_ROOM_KEEP_HOURS: "1",
    CORRAL_ROOM_KEEP_EVENTS: "10",
    CORRAL_ROOM_FAN_OUT: "4",
    CORRAL_SITE: "weur/FRA",
    CORRAL_JOINS_PER_SECOND: "0.2",
    CORRAL_JOIN_SPREAD_S: "30",
    CORRAL_FLOW_UNIT_MS: "100",
    CORRAL_ORIGINS: "https://a.example, http://b.example:8080",
    CORRAL_DEV_TOKENS: "1",
    CORRAL_REVIEW_FALLBACK: "hold",
    CORRAL_GUESTS: "off",
  });
  expect(config).toMatchObject({
    history: { maxAgeMs: 3_600_000, maxEvents: 10 },
    sharding: { ...DEFAULT_SHARDING, fanOut: 4 },
    site: { region: "weur", colo: "FRA" },
    joinRates: { joinsPerSecond: 0.2, burst: 1, spreadS: 30 },
    flowUnitMs: 100,
    pageOrigins: ["https://a.example", "http://b.example:8080"],
    devTokens: { boundName: "" },
    review: { fallback: "hold" },
    allowsGuests: false,
  });
  expect(parseConfig({ CORRAL_DEV_TOKENS: "edge.test" }).devTokens).toEqual({ boundName: "edge.test" });
});

test("the edge has a sign-in of its own where origin, provider, client and signing secret are set", () => {
  const all: ConfigVariables = {
    CORRAL_VIEWER_SECRET: SECRET,
    CORRAL_SIGN_IN_ORIGIN: "https://Live.Example.com/",
    CORRAL_OIDC_ISSUER: "https://accounts.example.com/realm/",
    CORRAL_OIDC_CLIENT_ID: "corral",
    CORRAL_HOSTS: "Ann@example.com=show",
  };
  const { signIn } = parseConfig(all);
  expect(signIn).toMatchObject({
    origin: "https://live.example.com",
    oidc: {
      issuer: "https://accounts.example.com/realm/",
      clientId: "corral",
      clientSecret: null,
      scopes: "openid profile email",
      nameClaim: "name",
      reach: "public",
    },
  });
  expect([...(signIn?.hosts ?? [])]).toEqual([["ann@example.com", new Set(["show"])]]);
  for (const name of Object.keys(all).filter((each) => each !== "CORRAL_HOSTS"))
    expect(parseConfig({ ...all, [name]: "" }).signIn, name).toBeNull();
  const byMail = parseConfig({ ...all, CORRAL_OIDC_ISSUER: "", CORRAL_MAIL_FROM: "Live@example.com" });
  expect(byMail.signIn).toMatchObject({ oidc: null, mail: { from: "live@example.com", mailsPerHour: 100 } });
});

test("the signing secret is the edge's own, else the viewers', else the admin token", () => {
  const [edge, viewer, admin] = ["edge", "viewer", "admin"].map((name) => `${name} ${SECRET}`) as [
    string,
    string,
    string,
  ];
  const all = { CORRAL_EDGE_SECRET: edge, CORRAL_VIEWER_SECRET: viewer, CORRAL_ADMIN_TOKEN: admin };
  expect(parseConfig(all).edgeSecret).toBe(edge);
  expect(parseConfig({ ...all, CORRAL_EDGE_SECRET: "" }).edgeSecret).toBe(viewer);
  expect(parseConfig({ CORRAL_ADMIN_TOKEN: admin }).edgeSecret).toBe(admin);
});

test.each([
  ["CORRAL_ADMIN_TOKEN", ["a", "a".repeat(31)]],
  ["CORRAL_METRICS_TOKEN", ["m"]],
  ["CORRAL_VIEWER_SECRET", ["é".repeat(15)]],
  ["CORRAL_EDGE_SECRET", ["short"]],
  ["CORRAL_VIEWER_JWKS", ["{", "[]", "{}", '"text"', '{"keys":{}}']],
  ["CORRAL_ORIGINS", ["elsewhere", "https://a.example/path", "https://a.example *"]],
  [
    "CORRAL_SIGN_IN_ORIGIN",
    ["edge.example.org", "http://edge.example.org", "https://a.example/x", "https://u@a.example"],
  ],
  ["CORRAL_OIDC_ISSUER", ["provider", "http://id.example.org", "https://a.example?x", "https://a.example#x"]],
  ["CORRAL_OIDC_SCOPES", ["profile email", 'openid "x"', "openidx"]],
  ["CORRAL_OIDC_OPENS", ["followers", "all"]],
  ["CORRAL_MAIL_FROM", ["mail", "Live <zoe@example.org>", "zoe@example.org, bo@example.org"]],
  ["CORRAL_MAILS_PER_HOUR", ["0", "10001", "many"]],
  ["CORRAL_HOSTS", ["zoe@example.org", "zoe@example.org=Show", "show=zoe@example.org,"]],
  ["CORRAL_ROOM_KEEP_HOURS", ["0", "-1", "1.5", "24h", "721", "1e3", " 24"]],
  ["CORRAL_ROOM_KEEP_EVENTS", ["0", "1000001"]],
  ["CORRAL_ROOM_SHARD_FILL", ["0", "0x9", "10001"]],
  ["CORRAL_ROOM_FAN_OUT", ["none"]],
  ["CORRAL_ROOM_SOCKETS_PER_ADDRESS", ["-5"]],
  ["CORRAL_SITE", ["FRA", "weur", "weur/fra", "mars/FRA", "weur/FRA/1"]],
  ["CORRAL_JOINS_PER_SECOND", ["0", "-1", "many", "Infinity", "1e9"]],
  ["CORRAL_JOIN_SPREAD_S", ["0", "3601"]],
  ["CORRAL_FLOW_UNIT_MS", ["-1", "33.3", "101"]],
  ["CORRAL_REVIEWER_URL", ["nowhere", "ftp://reviewer"]],
  ["CORRAL_REVIEW_MS", ["0", "soon", "10001"]],
  ["CORRAL_REVIEW_FALLBACK", ["drop"]],
] as const)("an invalid %s is an error that names it and not its value", (name, texts) => {
  for (const text of texts) {
    const read = (): unknown => parseConfig({ [name]: text });
    expect(read, text).toThrow(ConfigError);
    expect(read, text).toThrow(name);
    if (text.length > 4) expect(read, text).not.toThrow(text);
  }
});

test("all invalid variables are reported at once, and no text causes another error", () => {
  expect(() => parseConfig({ CORRAL_SITE: "x", CORRAL_ADMIN_TOKEN: "y" })).toThrow(
    /^CORRAL_ADMIN_TOKEN must .*\. CORRAL_SITE must .*\.$/,
  );
  fc.assert(
    fc.property(fc.constantFrom(...VARIABLE_NAMES), fc.string(), (name, text) => {
      try {
        parseConfig({ [name]: text });
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
  );
});

test("an environment is parsed once", () => {
  const [one, other]: ConfigVariables[] = [{ CORRAL_ROOM_FAN_OUT: "4" }, {}];
  if (one === undefined || other === undefined) throw new Error("no environments");
  const first = getConfig(one);
  expect(getConfig(other)).not.toBe(first);
  expect(getConfig(one)).toBe(first);
});

test("an environment that is invalid is parsed once as well", () => {
  let reads = 0;
  const env: ConfigVariables = {
    get CORRAL_SITE() {
      reads += 1;
      return "nowhere";
    },
  };
  for (let request = 0; request < 3; request += 1) expect(() => getConfig(env)).toThrow(ConfigError);
  expect(reads).toBe(1);
});

test("docs/configuration.md is what the schema renders", () => {
  const docs = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  expect(docs, "run `npm run docs`").toBe(renderConfigDocs());
});
