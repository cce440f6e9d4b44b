import fc from "fast-check";
import { expect, test } from "vitest";
import { type ConfigVariables, parseConfig } from "../../core/api/config.ts";
import { type AccountState, derivingSecret, describeStep, planSetup, type SetupStep } from "./setup-plan.ts";

const choices = { name: "corral", domain: null, rotate: false, unfinished: [] };
const SECRETS = ["CORRAL_EDGE_SECRET", "CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"];
const putsOf = (steps: readonly SetupStep[]): string[] =>
  steps.flatMap((step) => (step.kind === "put-secret" ? [step.secret] : []));

/** The account after the steps. */
function apply(steps: readonly SetupStep[], { buckets, hasWorker, secrets }: AccountState): AccountState {
  const created = steps.flatMap((step) => (step.kind === "create-bucket" ? [step.bucket] : []));
  const isDeployed = hasWorker || steps.some(({ kind }) => kind === "deploy");
  return {
    buckets: [...buckets, ...created],
    hasWorker: isDeployed,
    secrets: [...new Set([...secrets, ...putsOf(steps)])],
  };
}

test("an empty account gets a bucket, the Worker, and then its secrets", () => {
  const steps = planSetup({ ...choices, domain: "live.example.com" }, { buckets: [], hasWorker: false, secrets: [] });
  expect(steps.map(describeStep)).toEqual([
    "Create the R2 bucket corral-media for recordings, unless the account has it.",
    "Deploy the Worker corral to live.example.com.",
    "Make the secret CORRAL_EDGE_SECRET.",
    "Make the secret CORRAL_VIEWER_SECRET.",
    "Make the secret CORRAL_ADMIN_TOKEN.",
  ]);
});

test("a rotation replaces the operator's secrets, and never the one that derives stream keys", () => {
  const state = { buckets: ["corral-media"], hasWorker: true, secrets: SECRETS };
  expect(planSetup({ ...choices, rotate: true }, state).map(describeStep)).toEqual([
    "Replace the existing Worker corral at the account's workers.dev.",
    "Replace the secret CORRAL_VIEWER_SECRET.",
    "Replace the secret CORRAL_ADMIN_TOKEN.",
  ]);
});

test("a secret of a run that was cut off is put again", () => {
  const state = { buckets: ["corral-media"], hasWorker: true, secrets: SECRETS };
  expect(putsOf(planSetup({ ...choices, unfinished: ["CORRAL_VIEWER_SECRET"] }, state))).toEqual([
    "CORRAL_VIEWER_SECRET",
  ]);
});

test("another name has another bucket", () => {
  const state = { buckets: ["corral-media"], hasWorker: false, secrets: [] };
  expect(planSetup({ ...choices, name: "show" }, state)[0]).toEqual({ kind: "create-bucket", bucket: "show-media" });
});

test("from any state, a second run only deploys, and a run that was cut off is completed", () => {
  const states = fc.record({
    buckets: fc.subarray(["corral-media", "other"]),
    hasWorker: fc.boolean(),
    secrets: fc.subarray([...SECRETS, "CORRAL_METRICS_TOKEN"]),
  });
  fc.assert(
    fc.property(states, fc.nat(5), (state, done) => {
      const steps = planSetup(choices, state);
      const cutOff = apply(steps.slice(0, done), state);
      const after = apply(planSetup(choices, cutOff), cutOff);
      expect(planSetup(choices, after)).toEqual([{ kind: "deploy", name: "corral", domain: null, isUpdate: true }]);
      if (derivingSecret(state) === null) expect(after.secrets).toEqual(expect.arrayContaining(SECRETS));
      // What exists is not replaced.
      expect(putsOf(steps).filter((secret) => state.secrets.includes(secret))).toEqual([]);
    }),
  );
});

test("an edge that was made by hand with an admin token alone gets no other secret", () => {
  const state = { buckets: ["corral-media"], hasWorker: true, secrets: ["CORRAL_ADMIN_TOKEN"] };
  expect(planSetup(choices, state).map(({ kind }) => kind)).toEqual(["deploy"]);
  expect(derivingSecret(state)).toBe("CORRAL_ADMIN_TOKEN");
});

test("no plan changes what an edge derives names and passphrases from", () => {
  const secretOf = (secrets: readonly string[], replaced: readonly string[]): string | null => {
    const values = secrets.map((name) => [name, `${replaced.includes(name) ? "new" : "old"} ${name}`.padEnd(32, ".")]);
    return parseConfig(Object.fromEntries(values) as ConfigVariables).edgeSecret;
  };
  fc.assert(
    fc.property(fc.subarray(SECRETS, { minLength: 1 }), fc.boolean(), fc.nat(5), (secrets, rotate, done) => {
      const state = { buckets: [], hasWorker: true, secrets };
      const steps = planSetup({ ...choices, rotate }, state).slice(0, done);
      expect(secretOf(apply(steps, state).secrets, putsOf(steps))).toBe(secretOf(secrets, []));
    }),
  );
});
