/** The roles of people: tokens carry them, rooms and playback read them. */

/** What a person is in a room. Hosts and moderators are its staff. */
export type Role = "host" | "moderator" | "subscriber" | "verified";

/** Every role, the highest first. */
export const ROLES: readonly Role[] = ["host", "moderator", "subscriber", "verified"];
