/** What a deployment needs, as steps: a function of the choices and of what exists. */

/**
 * Secrets of an edge, in the order in which they are made. The first one names networks and derives stream keys: it outlives a
 * rotation of the others. It comes first so that a run that was cut off leaves no edge that derives them from another.
 */
const SETUP_SECRETS = ["CORRAL_EDGE_SECRET", "CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"] as const;
export type SetupSecret = (typeof SETUP_SECRETS)[number];

/** Secrets that the operator uses later, and that a rotation replaces. */
export const OPERATOR_SECRETS: readonly SetupSecret[] = ["CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"];

/** Whether the operator uses a secret later: it is then kept on the operator's machine. */
export const isOperatorSecret = (secret: SetupSecret): boolean => OPERATOR_SECRETS.includes(secret);

/** What the operator chose. */
export interface SetupChoices {
  /** Name of the Worker. */
  readonly name: string;
  /** Custom domain; null: the account's `workers.dev`. */
  readonly domain: string | null;
  /** Whether to replace the operator's secrets. */
  readonly rotate: boolean;
  /** Secrets that a run which was cut off may have given the edge, and whose values are kept: they are put again. */
  readonly unfinished: readonly SetupSecret[];
}

/** What exists in the account. */
export interface AccountState {
  readonly buckets: readonly string[];
  readonly hasWorker: boolean;
  /** Names of the Worker's secrets; none without the Worker. */
  readonly secrets: readonly string[];
}

/** One step; each may be repeated. */
export type SetupStep =
  | { readonly kind: "create-bucket"; readonly bucket: string }
  | { readonly kind: "deploy"; readonly name: string; readonly domain: string | null; readonly isUpdate: boolean }
  | { readonly kind: "put-secret"; readonly secret: SetupSecret; readonly isRotation: boolean };

/** The bucket of a Worker's media: no two deployments share one. */
export const bucketOf = (name: string): string => `${name}-media`;

/**
 * The secret that stands for a missing edge secret, as `core/api/config.ts` has it; null: the edge has its own, or none at all.
 * Another edge secret ends bans of devices and networks, and the SRT passphrases of issued keys.
 */
export function derivingSecret({ secrets }: AccountState): SetupSecret | null {
  if (secrets.includes("CORRAL_EDGE_SECRET")) return null;
  return SETUP_SECRETS.find((secret) => secrets.includes(secret)) ?? null;
}

/** What the plan leaves out for the sake of such an edge, and how to have it nevertheless. */
export const describeDerivation = (secret: SetupSecret, name: string): string =>
  `${name} has no CORRAL_EDGE_SECRET: it derives the names of banned devices and networks, and the SRT passphrases of stream keys, ` +
  `from ${secret}. No secret that would end them is made or replaced. To keep them and rotate, give it the value of ${secret} first: ` +
  `npx wrangler secret put CORRAL_EDGE_SECRET --name ${name}`;

/**
 * The steps, in order. Secrets follow the deployment: a Worker without an admin token issues no stream keys, so that it is
 * closed until then.
 */
export function planSetup({ name, domain, rotate, unfinished }: SetupChoices, state: AccountState): SetupStep[] {
  const { buckets, hasWorker, secrets } = state;
  const bucket = bucketOf(name);
  // The edge derives from the first secret of the order that it has: those up to it stay as they are.
  const deriving = derivingSecret(state);
  const free = deriving === null ? SETUP_SECRETS : SETUP_SECRETS.slice(SETUP_SECRETS.indexOf(deriving) + 1);
  const puts = free.flatMap((secret): SetupStep[] => {
    const isRotation = secrets.includes(secret);
    const isDue = !isRotation || unfinished.includes(secret) || (rotate && isOperatorSecret(secret));
    return isDue ? [{ kind: "put-secret", secret, isRotation }] : [];
  });
  return [
    ...(buckets.includes(bucket) ? [] : [{ kind: "create-bucket", bucket } as const]),
    { kind: "deploy", name, domain, isUpdate: hasWorker },
    ...puts,
  ];
}

/** A step in one sentence. */
export function describeStep(step: SetupStep): string {
  switch (step.kind) {
    case "create-bucket":
      return `Create the R2 bucket ${step.bucket} for recordings, unless the account has it.`;
    case "deploy":
      return `${step.isUpdate ? "Replace the existing" : "Deploy the"} Worker ${step.name} ${step.isUpdate ? "at" : "to"} ${step.domain ?? "the account's workers.dev"}.`;
    case "put-secret":
      return `${step.isRotation ? "Replace" : "Make"} the secret ${step.secret}.`;
  }
}
