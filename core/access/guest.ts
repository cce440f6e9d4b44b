/**
 * Guests: viewers without an account who chose a name. The gateway makes a guest's subject from the room's name of its device,
 * so that bans stay with the device.
 */

/** Subjects of guests start with this. A token with such a subject is malformed. */
const GUEST_SUBJECT_PREFIX = "corral-guest:";

/** The subject of the guest with this device. */
export const guestSubject = (device: string): string => `${GUEST_SUBJECT_PREFIX}${device}`;

/** Whether a subject is a guest's. */
export const isGuestSubject = (subject: string): boolean => subject.startsWith(GUEST_SUBJECT_PREFIX);
