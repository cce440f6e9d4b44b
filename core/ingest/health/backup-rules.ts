/** Rules of the backup encoder: of senders that stand by for each other. */
import { type HealthRule, healthReading } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** The rules. */
export const BACKUP_RULES: readonly HealthRule[] = [
  {
    id: "on-backup",
    forMs: 0,
    isOfLink: true,
    read: ({ backup, nowMs }) => {
      if (backup.onAir !== "backup") return null;
      const sinceMs = backup.onBackupSinceMs ?? nowMs;
      return healthReading("warning", nowMs - sinceMs, 0, SAY.onBackup(sinceMs, backup.hasPrimary));
    },
  },
  {
    id: "backup-missing",
    forMs: 30_000,
    read: ({ backup }) => {
      if (!backup.wasSeen || backup.hasBackup) return null;
      return healthReading("info", 0, 1, SAY.backupMissing());
    },
  },
  {
    id: "backup-differs",
    forMs: 0,
    read: ({ backup: { differs } }) =>
      differs === null ? null : healthReading("warning", 1, 0, SAY.backupDiffers(differs.backup, differs.primary)),
  },
];
