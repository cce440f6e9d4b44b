/** Who sends a publish request, as the gateway has authenticated it. */
import type { PublishTokenClaims } from "../access/publish-token.ts";
import type { StreamKeyRole } from "../access/stream-key.ts";
import type { BroadcastId, StreamName } from "../kit/ids.ts";

/** What a publisher has shown: a stream key, of which only the SHA-256 is passed on, or a publish token. */
export type PublisherCredential =
  | { readonly kind: "key"; readonly hash: string }
  | { readonly kind: "token"; readonly claims: PublishTokenClaims };

/** A publisher: its stream, what it has shown, and the publishing process's random id. */
export interface PublisherIdentity {
  readonly stream: StreamName;
  readonly credential: PublisherCredential;
  readonly id: string;
}

/** What a publisher's credential permits now. */
export interface PublisherStatus {
  readonly role: StreamKeyRole;
  /** Of a key; empty for a token. */
  readonly label: string;
  /** No session begins from then on, ms since the epoch; null: never. */
  readonly expiresMs: number | null;
  /** Sessions that may still begin; null: any number. */
  readonly usesLeft: number | null;
  /** The broadcast whose publisher is live, and whether that is this one; null without. */
  readonly live: { readonly broadcast: BroadcastId; readonly isOwn: boolean } | null;
}
