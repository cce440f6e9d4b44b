import { expect, test } from "vitest";
import { type DomainEventBody, parseDomainEvent } from "./domain-events.ts";

const header = { id: "1", stream: "show", atMs: 1_700_000_000_000, programTimeMs: null };

const BODIES: { readonly [K in DomainEventBody["kind"]]: Extract<DomainEventBody, { kind: K }> } = {
  "broadcast-started": { kind: "broadcast-started", broadcast: "b1" },
  "broadcast-reconnecting": { kind: "broadcast-reconnecting", broadcast: "b1" },
  "broadcast-resumed": { kind: "broadcast-resumed", broadcast: "b1" },
  "broadcast-ended": { kind: "broadcast-ended", broadcast: "b1", reason: "abandoned" },
  "playback-policy-changed": { kind: "playback-policy-changed", playback: "token" },
  "token-revoked": { kind: "token-revoked", subject: "ann", version: 3 },
  "stream-stopped": { kind: "stream-stopped", category: "legal", authority: "operator", untilMs: null },
  "stream-restored": { kind: "stream-restored" },
  "details-changed": { kind: "details-changed" },
  "ingest-backup": { kind: "ingest-backup", broadcast: "b1" },
  "ingest-connected": { kind: "ingest-connected", protocol: "rtmp" },
  "ingest-resumed": { kind: "ingest-resumed", protocol: "srt" },
  "ingest-refused": { kind: "ingest-refused", reason: "No keyframe has come for 4 s." },
  "ingest-disconnected": { kind: "ingest-disconnected", reason: "lost" },
  "health-raised": { kind: "health-raised", check: "starved", severity: "error" },
  "health-cleared": { kind: "health-cleared", check: "starved" },
  "subject-banned": { kind: "subject-banned", subject: " ann ", actor: "" },
  "subject-unbanned": { kind: "subject-unbanned", subject: "ann", actor: "host" },
  "viewer-peak": { kind: "viewer-peak", viewers: 12 },
};

test.for(Object.values(BODIES))("a $kind event is read as it was written, without unknown fields", (body) => {
  const event = { ...header, ...body };
  expect(parseDomainEvent({ ...(JSON.parse(JSON.stringify(event)) as object), added: 1 })).toEqual(event);
});

test.for(Object.values(BODIES))(
  "a $kind event with a missing field or a field of the wrong type is refused",
  (body) => {
    const event = { ...header, ...body } as Record<string, unknown>;
    for (const field of Object.keys(event)) {
      expect(parseDomainEvent({ ...event, [field]: { not: "it" } }), field).toBeNull();
      const { [field]: _, ...rest } = event;
      expect(parseDomainEvent(rest), field).toBeNull();
    }
  },
);

test("other values, unknown kinds and events above the size limit are refused", () => {
  const ban = { ...header, ...BODIES["subject-banned"] };
  for (const value of [null, 1, [], { ...ban, kind: "toString" }, { ...ban, id: "" }]) {
    expect(parseDomainEvent(value)).toBeNull();
  }
  expect(parseDomainEvent({ ...ban, subject: "x".repeat(5_000) })).toBeNull();
  expect(parseDomainEvent({ ...ban, programTimeMs: -1 })).toBeNull();
});
