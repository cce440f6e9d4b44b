/**
 * Import rules between the parts of the source. `npm run check` fails on an import that no list
 * names, on a cycle, and on an import between runtimes. Imports of types count.
 */

/** Domains by runtime, lowest first, each with its allowed imports besides itself: earlier ones only, so that no cycle is possible. */
const DOMAINS = {
  core: {
    kit: [],
    access: ["kit"],
    moderation: ["kit"],
    broadcast: ["kit", "access"],
    media: ["kit", "broadcast"],
    delivery: ["kit", "access", "broadcast", "media"],
    room: ["kit", "access", "moderation"],
    directory: ["kit", "access"],
    embed: ["kit", "directory"],
    api: ["kit", "access", "broadcast", "delivery", "room", "directory"],
    ingest: ["kit", "access", "broadcast", "media", "api"],
    quality: ["kit", "api"],
    dispatch: ["kit", "api"],
  },
  workers: {
    kit: [],
    access: ["kit"],
    delivery: ["kit", "access"],
    ingest: ["kit", "access"],
    directory: ["kit", "access"],
    pages: ["kit", "delivery", "directory"],
    "sign-in": ["kit", "access", "directory"],
    room: ["kit", "access", "delivery", "directory"],
    api: ["kit", "access", "delivery", "room", "directory"],
  },
  "durable-objects": {
    kit: [],
    access: ["kit"],
    live: ["kit"],
    shield: ["kit"],
    room: ["kit"],
    dispatch: ["kit"],
    directory: ["kit"],
  },
  origin: {
    kit: [],
    ingest: ["kit"],
    packager: ["kit", "ingest"],
    publisher: ["kit"],
    "local-edge": ["kit", "publisher"],
    "ingest-node": ["kit", "ingest", "packager", "publisher"],
    cli: ["kit", "ingest", "packager"],
    setup: ["kit", "local-edge", "cli"],
  },
  "web/src": {
    kit: [],
    player: ["kit"],
    chat: ["kit", "player"],
    watch: ["kit", "player", "chat"],
    studio: ["kit", "player", "chat"],
    golive: ["kit", "player", "chat"],
    landing: ["kit", "player"],
    "sign-in": ["kit"],
  },
};

/** Production code besides `core/`; each part runs by itself. */
const RUNTIMES = ["origin", "workers", "durable-objects", "web"];

/** Tests, and code that only tests load. */
const TEST = "(\\.test\\.tsx?$|(^|/)testing(\\.ts$|/)|(^|/)fixtures\\.ts$|/cmaf/(rules|output-checker)\\.ts$)";

const ALL = [...RUNTIMES, "core", "loadtest", "bench", "scripts", "tests"];

/** A path in one of these folders. */
const within = (folders) => `^(${folders.join("|")})/`;

const forbid = (name, from, to) => ({ name, severity: "error", from, to });

/** One rule per domain: of its runtime it imports itself and the listed earlier domains. */
const domainRules = Object.entries(DOMAINS).flatMap(([root, domains]) => {
  const names = Object.keys(domains);
  return names.map((domain, index) => {
    const allowed = names.filter((name, at) => at === index || (at < index && domains[domain].includes(name)));
    return forbid(
      `${root}/${domain} imports ${allowed.join(", ")} only`,
      { path: `^${root}/${domain}/`, pathNot: TEST },
      { path: `^${root}/(${names.join("|")})/`, pathNot: `^${root}/(${allowed.join("|")})/` },
    );
  });
});

/** Of other runtimes the Worker imports the objects, whose classes its script exports, and the pages' content security policy. */
const runtimeRules = RUNTIMES.map((runtime) =>
  forbid(
    `${runtime} imports no other runtime`,
    { path: within([runtime]), pathNot: TEST },
    {
      path: within(RUNTIMES.filter((other) => other !== runtime)),
      ...(runtime === "workers" ? { pathNot: "^(web/csp\\.ts$|durable-objects/)" } : {}),
    },
  ),
);

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    forbid("no cycle", {}, { circular: true }),
    forbid("core imports no runtime", { path: "^core/", pathNot: TEST }, { path: within(RUNTIMES) }),
    // workerd/ adapts a domain to the platform that isolates and objects share.
    forbid("core is pure", { path: "^core/", pathNot: `(/workerd/|${TEST})` }, { path: "^core/[^/]+/workerd/" }),
    forbid("workerd/ is for the Worker", { path: within(["origin", "web"]) }, { path: "^core/[^/]+/workerd/" }),
    ...runtimeRules,
    forbid(
      "workers import types of objects only",
      { path: "^workers/", pathNot: `(^workers/index\\.ts$|${TEST})` },
      { path: "^durable-objects/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "production imports nothing of scripts and tests",
      { path: within(["core", ...RUNTIMES]), pathNot: TEST },
      { path: `(${within(["scripts", "tests", "bench", "loadtest"])}|${TEST})` },
    ),
    ...domainRules,
  ],
  options: {
    includeOnly: within(ALL),
    exclude: { path: "(^|/)(node_modules|dist|\\.corral|\\.wrangler)/" },
    // TypeScript 7 has no API that dependency-cruiser could parse with; swc keeps imports of types.
    parser: "swc",
    enhancedResolveOptions: { extensions: [".ts", ".tsx", ".mts", ".mjs", ".json", ".css"] },
  },
};
