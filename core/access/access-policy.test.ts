import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ACCESS_LIMITS,
  type AccessPolicy,
  ALL_TOKEN_VERSIONS,
  findAccessDenial,
  mergeAccessPolicy,
  type PlaybackPolicy,
  type Principal,
  PUBLIC_ACCESS_POLICY,
  type Revocation,
  splitAccessPolicy,
  withPlaybackPolicy,
  withStop,
} from "./access-policy.ts";
import { accountSubject } from "./account.ts";

const NOW = 1_800_000_000_000;
const nobody: Principal = { subject: null, roles: [], followerSinceMs: null, expiresMs: null };
const ann: Principal = { subject: "ann", roles: [], followerSinceMs: null, expiresMs: NOW + 60_000 };
const play = (playback: PlaybackPolicy): AccessPolicy => withPlaybackPolicy(PUBLIC_ACCESS_POLICY, playback);

/** The policy after the subject's tokens were revoked, as a feed carries it. */
function revoke(
  access: AccessPolicy,
  subject: string,
  version: number,
  nowMs = NOW,
  by: "issuer" | "ban" = "issuer",
): AccessPolicy {
  const revision = access.revision + 1;
  const revocation = { subject, version, by, untilMs: nowMs + ACCESS_LIMITS.tokenLifetimeMs, revision };
  return mergeAccessPolicy(access, { ...access, revision, revocations: [revocation] }, nowMs);
}

test("a public stream is open to everybody, a token stream only to bearers of a token", () => {
  expect(findAccessDenial(play("public"), nobody, NOW)).toBeNull();
  expect(findAccessDenial(play("token"), nobody, NOW)).toBe("token-missing");
  expect(findAccessDenial(play("followers"), nobody, NOW)).toBe("token-missing");
  expect(findAccessDenial(play("token"), ann, NOW)).toBeNull();
});

test("an account of the edge's own sign-in opens what its provider's accounts may, and its host everything", () => {
  const denials = (subject: string, over: Partial<Principal> = {}): unknown[] =>
    (["public", "token", "followers"] as const).map((policy) =>
      findAccessDenial(play(policy), { ...ann, subject, ...over }, NOW),
    );
  expect(denials(accountSubject("public", "a"))).toEqual([null, "token-missing", "token-missing"]);
  expect(denials(accountSubject("public", "a"), { roles: ["moderator"] })[1]).toBe("token-missing");
  expect(denials(accountSubject("public", "a"), { roles: ["host"] })).toEqual([null, null, null]);
  expect(denials(accountSubject("token", "a"))).toEqual([null, null, "followers-only"]);
  const banned = revoke(PUBLIC_ACCESS_POLICY, accountSubject("public", "a"), ALL_TOKEN_VERSIONS, NOW, "ban");
  expect(findAccessDenial(banned, { ...ann, subject: accountSubject("public", "a") }, NOW)).toBe("token-revoked");
});

test("followers-only admits followers, subscribers, moderators and hosts", () => {
  const refusal = (over: Partial<Principal>): unknown => findAccessDenial(play("followers"), { ...ann, ...over }, NOW);
  expect(refusal({})).toBe("followers-only");
  expect(refusal({ followerSinceMs: NOW - 1 })).toBeNull();
  expect(refusal({ followerSinceMs: NOW + 60_000 })).toBe("followers-only");
  expect(refusal({ roles: ["verified"] })).toBe("followers-only");
  for (const role of ["host", "moderator", "subscriber"] as const) expect(refusal({ roles: [role] })).toBeNull();
});

test("an expired token opens nothing beyond the clock tolerance", () => {
  const { clockSkewMs } = ACCESS_LIMITS;
  expect(findAccessDenial(play("token"), { ...ann, expiresMs: NOW - clockSkewMs }, NOW)).toBeNull();
  expect(findAccessDenial(play("token"), { ...ann, expiresMs: NOW - clockSkewMs - 1 }, NOW)).toBe("token-expired");
});

test("a revocation applies to lower token versions of its subject, on public streams too", () => {
  const access = revoke(PUBLIC_ACCESS_POLICY, "ann", 2);
  expect(findAccessDenial(access, ann, NOW)).toBe("token-revoked");
  expect(findAccessDenial(access, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
  expect(findAccessDenial(access, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(findAccessDenial(access, { ...ann, subject: "bob" }, NOW)).toBeNull();
  expect(findAccessDenial(access, { ...ann, subject: "constructor" }, NOW)).toBeNull();
  expect(findAccessDenial(revoke(access, "ann", ALL_TOKEN_VERSIONS), { ...ann, tokenVersion: 9e15 }, NOW)).toBe(
    "token-revoked",
  );
  expect(findAccessDenial(revoke(access, "ann", 0), ann, NOW)).toBeNull();
});

test("the end of a ban keeps the issuer's revocation", () => {
  const both = revoke(revoke(PUBLIC_ACCESS_POLICY, "ann", 2), "ann", ALL_TOKEN_VERSIONS, NOW, "ban");
  expect(findAccessDenial(both, { ...ann, tokenVersion: 2 }, NOW)).toBe("token-revoked");
  const unbanned = revoke(both, "ann", 0, NOW, "ban");
  expect(findAccessDenial(unbanned, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(findAccessDenial(unbanned, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
});

test("a stopped stream refuses every token, a host's included, until the stop ends", () => {
  const stop = { category: "legal", reason: "No.", untilMs: NOW + 1_000, atMs: NOW, authority: "operator" } as const;
  for (const playback of ["public", "token", "followers"] as const) {
    const stopped = withStop(play(playback), stop);
    for (const bearer of [nobody, ann, { ...ann, roles: ["host"] as const }]) {
      expect(findAccessDenial(stopped, bearer, NOW)).toBe("stopped");
      expect(findAccessDenial(stopped, bearer, NOW + 1_000)).not.toBe("stopped");
      expect(findAccessDenial(withStop(stopped, null), bearer, NOW)).not.toBe("stopped");
    }
  }
});

const change = fc.oneof(
  fc.record({
    subject: fc.constantFrom("ann", "bob", "cat"),
    by: fc.constantFrom("issuer" as const, "ban" as const),
    version: fc.nat(3),
  }),
  fc.constantFrom<PlaybackPolicy>("public", "token"),
);

test("replicas that receive pieces of a policy in any order and number end with the same policy", () => {
  const property = fc.property(fc.array(change, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (changes, chance) => {
    let truth = PUBLIC_ACCESS_POLICY;
    const updates: AccessPolicy[] = [];
    for (const each of changes) {
      const revision = truth.revision + 1;
      const head = typeof each === "string" ? withPlaybackPolicy(truth, each) : { ...truth, revision };
      const revocations: Revocation[] =
        typeof each === "string" ? [] : [{ ...each, revision, untilMs: NOW + ACCESS_LIMITS.tokenLifetimeMs }];
      updates.push({ ...head, revocations });
      truth = mergeAccessPolicy(truth, { ...head, revocations }, NOW);
      if ((chance.next().value ?? 0) % 3 === 0) updates.push(...splitAccessPolicy(truth));
    }
    const shuffled = [...updates, ...updates].map((each) => ({ each, at: chance.next().value ?? 0 }));
    const known = shuffled
      .sort((a, b) => a.at - b.at)
      .reduce((all, { each }) => mergeAccessPolicy(all, each, NOW), PUBLIC_ACCESS_POLICY);
    const sorted = ({ revocations, ...head }: AccessPolicy): unknown => [
      head,
      [...revocations].sort((a, b) => a.revision - b.revision),
    ];
    expect(sorted(known)).toEqual(sorted(truth));
    expect(mergeAccessPolicy(known, truth, NOW)).toBe(known);
  });
  fc.assert(property);
});

test("a full policy is sent in frames below half a megabyte, and a receiver's copy is bounded", () => {
  const { bans, issuerRevocations, revocationsPerFrame } = ACCESS_LIMITS;
  const untilMs = NOW + ACCESS_LIMITS.tokenLifetimeMs;
  const worst = (by: "issuer" | "ban", index: number): Revocation => ({
    subject: String(index).padStart(64, "\u0001"),
    version: ALL_TOKEN_VERSIONS,
    by,
    untilMs,
    revision: index,
  });
  const revocations = [
    ...Array.from({ length: issuerRevocations }, (_, index) => worst("issuer", index)),
    ...Array.from({ length: bans }, (_, index) => worst("ban", index)),
  ];
  const full: AccessPolicy = { ...PUBLIC_ACCESS_POLICY, revision: bans, revocations };
  const pieces = splitAccessPolicy(full);
  expect(pieces.length).toBe((bans + issuerRevocations) / revocationsPerFrame);
  for (const piece of pieces) expect(JSON.stringify(piece).length).toBeLessThan(524_288);
  const known = pieces.reduce((all, piece) => mergeAccessPolicy(all, piece, NOW), PUBLIC_ACCESS_POLICY);
  expect(known.revocations).toEqual(revocations);
  const more = mergeAccessPolicy(known, { ...full, revision: bans + 1, revocations: [worst("ban", bans)] }, NOW);
  expect(more.revocations.length).toBe(bans + issuerRevocations);
  expect(more.revocations.filter(({ by }) => by === "issuer").length).toBe(issuerRevocations);
  expect(more.revocations.at(-1)).toEqual(worst("ban", bans));
  // Revocations without effect are dropped with the next change.
  const later = mergeAccessPolicy(
    more,
    { ...full, revision: bans + 2, revocations: [{ ...worst("ban", 0), revision: bans + 2, untilMs: untilMs + 9e7 }] },
    untilMs,
  );
  expect(later.revocations.length).toBe(1);
});
