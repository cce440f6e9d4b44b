/** What a stream's health knows of primary and backup. */
import type { StreamKeyRole } from "../../access/stream-key.ts";

/** The senders of both roles now. */
export interface SenderRoles {
  /** The role of the sender on the air; null: none is. */
  readonly onAir: StreamKeyRole | null;
  readonly hasPrimary: boolean;
  readonly hasBackup: boolean;
  /** Both senders in words if viewers' decoders would notice a switch; null: they are alike, or not known. */
  readonly differs: { readonly backup: string; readonly primary: string } | null;
}

/** See the file's first line. */
export interface BackupState extends SenderRoles {
  /** Whether a backup has been connected. */
  readonly wasSeen: boolean;
  /** When the backup went on the air, milliseconds since the epoch; null: it is not. */
  readonly onBackupSinceMs: number | null;
}

/** The state before any sender. */
export const NO_SENDERS: BackupState = {
  onAir: null,
  hasPrimary: false,
  hasBackup: false,
  differs: null,
  wasSeen: false,
  onBackupSinceMs: null,
};

/** The state that follows `before` when the senders are these. */
export function nextBackupState(before: BackupState, roles: SenderRoles, nowMs: number): BackupState {
  return {
    ...roles,
    wasSeen: before.wasSeen || roles.hasBackup,
    onBackupSinceMs: roles.onAir === "backup" ? (before.onBackupSinceMs ?? nowMs) : null,
  };
}
