import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ACCESS_LIMITS,
  type Access,
  accessPieces,
  type Bearer,
  EVERY_VERSION,
  mergeAccess,
  OPEN_ACCESS,
  type Playback,
  type Revocation,
  refusalOf,
  withPlayback,
  withStop,
} from "./access.ts";

const NOW = 1_800_000_000_000;
const nobody: Bearer = { subject: null, roles: [], followerSinceMs: null, expiresMs: null };
const ann: Bearer = { subject: "ann", roles: [], followerSinceMs: null, expiresMs: NOW + 60_000 };
const play = (playback: Playback): Access => withPlayback(OPEN_ACCESS, playback);

/** The access after the subject's tokens were revoked, as a feed tells of it. */
function revoke(
  access: Access,
  subject: string,
  version: number,
  nowMs = NOW,
  by: "issuer" | "ban" = "issuer",
): Access {
  const revision = access.revision + 1;
  const revocation = { subject, version, by, untilMs: nowMs + ACCESS_LIMITS.tokenLifeMs, revision };
  return mergeAccess(access, { ...access, revision, revocations: [revocation] }, nowMs);
}

test("everybody watches what is public, and only bearers of a token what asks for one", () => {
  expect(refusalOf(play("public"), nobody, NOW)).toBeNull();
  expect(refusalOf(play("token"), nobody, NOW)).toBe("token-missing");
  expect(refusalOf(play("followers"), nobody, NOW)).toBe("token-missing");
  expect(refusalOf(play("token"), ann, NOW)).toBeNull();
});

test("followers are those who follow already, hosts, moderators and subscribers", () => {
  const refusal = (over: Partial<Bearer>): unknown => refusalOf(play("followers"), { ...ann, ...over }, NOW);
  expect(refusal({})).toBe("followers-only");
  expect(refusal({ followerSinceMs: NOW - 1 })).toBeNull();
  expect(refusal({ followerSinceMs: NOW + 60_000 })).toBe("followers-only");
  expect(refusal({ roles: ["verified"] })).toBe("followers-only");
  for (const role of ["host", "moderator", "subscriber"] as const) expect(refusal({ roles: [role] })).toBeNull();
});

test("a token opens nothing after its end, give or take the tolerance", () => {
  const { toleranceMs } = ACCESS_LIMITS;
  expect(refusalOf(play("token"), { ...ann, expiresMs: NOW - toleranceMs }, NOW)).toBeNull();
  expect(refusalOf(play("token"), { ...ann, expiresMs: NOW - toleranceMs - 1 }, NOW)).toBe("token-expired");
});

test("a revocation is of the versions below its own, of its subject only, on public streams too", () => {
  const access = revoke(OPEN_ACCESS, "ann", 2);
  expect(refusalOf(access, ann, NOW)).toBe("token-revoked");
  expect(refusalOf(access, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
  expect(refusalOf(access, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(refusalOf(access, { ...ann, subject: "bob" }, NOW)).toBeNull();
  expect(refusalOf(access, { ...ann, subject: "constructor" }, NOW)).toBeNull();
  expect(refusalOf(revoke(access, "ann", EVERY_VERSION), { ...ann, tokenVersion: 9e15 }, NOW)).toBe("token-revoked");
  expect(refusalOf(revoke(access, "ann", 0), ann, NOW)).toBeNull();
});

test("the end of a ban doesn't take back what the issuer revoked", () => {
  const both = revoke(revoke(OPEN_ACCESS, "ann", 2), "ann", EVERY_VERSION, NOW, "ban");
  expect(refusalOf(both, { ...ann, tokenVersion: 2 }, NOW)).toBe("token-revoked");
  const unbanned = revoke(both, "ann", 0, NOW, "ban");
  expect(refusalOf(unbanned, { ...ann, tokenVersion: 2 }, NOW)).toBeNull();
  expect(refusalOf(unbanned, { ...ann, tokenVersion: 1 }, NOW)).toBe("token-revoked");
});

test("no token opens what was stopped, not a host's either, until the stop is over", () => {
  const stop = { category: "legal", reason: "No.", untilMs: NOW + 1_000, atMs: NOW, authority: "operator" } as const;
  for (const playback of ["public", "token", "followers"] as const) {
    const stopped = withStop(play(playback), stop);
    for (const bearer of [nobody, ann, { ...ann, roles: ["host"] as const }]) {
      expect(refusalOf(stopped, bearer, NOW)).toBe("stopped");
      expect(refusalOf(stopped, bearer, NOW + 1_000)).not.toBe("stopped");
      expect(refusalOf(withStop(stopped, null), bearer, NOW)).not.toBe("stopped");
    }
  }
});

const change = fc.oneof(
  fc.record({
    subject: fc.constantFrom("ann", "bob", "cat"),
    by: fc.constantFrom("issuer" as const, "ban" as const),
    version: fc.nat(3),
  }),
  fc.constantFrom<Playback>("public", "token"),
);

test("in whatever order and however often pieces of an access are told, all come to know the same", () => {
  const property = fc.property(fc.array(change, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (changes, chance) => {
    let truth = OPEN_ACCESS;
    const told: Access[] = [];
    for (const each of changes) {
      const revision = truth.revision + 1;
      const head = typeof each === "string" ? withPlayback(truth, each) : { ...truth, revision };
      const revocations: Revocation[] =
        typeof each === "string" ? [] : [{ ...each, revision, untilMs: NOW + ACCESS_LIMITS.tokenLifeMs }];
      told.push({ ...head, revocations });
      truth = mergeAccess(truth, { ...head, revocations }, NOW);
      if ((chance.next().value ?? 0) % 3 === 0) told.push(...accessPieces(truth));
    }
    const shuffled = [...told, ...told].map((each) => ({ each, at: chance.next().value ?? 0 }));
    const known = shuffled
      .sort((a, b) => a.at - b.at)
      .reduce((all, { each }) => mergeAccess(all, each, NOW), OPEN_ACCESS);
    const sorted = ({ revocations, ...head }: Access): unknown => [
      head,
      [...revocations].sort((a, b) => a.revision - b.revision),
    ];
    expect(sorted(known)).toEqual(sorted(truth));
    expect(mergeAccess(known, truth, NOW)).toBe(known);
  });
  fc.assert(property);
});

test("a full access goes into frames of less than half a megabyte, whatever its subjects are, and one that knows it is bounded", () => {
  const { bans, issuerRevocations, perFrame } = ACCESS_LIMITS;
  const untilMs = NOW + ACCESS_LIMITS.tokenLifeMs;
  const worst = (by: "issuer" | "ban", index: number): Revocation => ({
    subject: String(index).padStart(64, "\u0001"),
    version: EVERY_VERSION,
    by,
    untilMs,
    revision: index,
  });
  const revocations = [
    ...Array.from({ length: issuerRevocations }, (_, index) => worst("issuer", index)),
    ...Array.from({ length: bans }, (_, index) => worst("ban", index)),
  ];
  const full: Access = { ...OPEN_ACCESS, revision: bans, revocations };
  const pieces = accessPieces(full);
  expect(pieces.length).toBe((bans + issuerRevocations) / perFrame);
  for (const piece of pieces) expect(JSON.stringify(piece).length).toBeLessThan(524_288);
  const known = pieces.reduce((all, piece) => mergeAccess(all, piece, NOW), OPEN_ACCESS);
  expect(known.revocations).toEqual(revocations);
  const more = mergeAccess(known, { ...full, revision: bans + 1, revocations: [worst("ban", bans)] }, NOW);
  expect(more.revocations.length).toBe(bans + issuerRevocations);
  expect(more.revocations.filter(({ by }) => by === "issuer").length).toBe(issuerRevocations);
  expect(more.revocations.at(-1)).toEqual(worst("ban", bans));
  // What concerns no token any more is dropped with the next change.
  const later = mergeAccess(
    more,
    { ...full, revision: bans + 2, revocations: [{ ...worst("ban", 0), revision: bans + 2, untilMs: untilMs + 9e7 }] },
    untilMs,
  );
  expect(later.revocations.length).toBe(1);
});
