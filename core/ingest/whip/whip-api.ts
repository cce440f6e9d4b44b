/**
 * WHIP (RFC 9725) between a sender, the edge, and an ingest node. The edge passes requests on to the node unchanged but for
 * two headers, by which the node knows the sender's own address; a node that gets none takes the connection's.
 *
 *   POST   /whip/{stream}            an offer; 201 with the answer, and the session's address in `Location`
 *   PATCH  /whip/{stream}/{session}  a fragment: candidates, of which none is needed, or a restart of ICE
 *   DELETE /whip/{stream}/{session}  the sender ends
 */

/** Media types of offers and answers, and of fragments. */
export const SDP_MEDIA_TYPE = "application/sdp";
export const SDP_FRAGMENT_MEDIA_TYPE = "application/trickle-ice-sdpfrag";

/** Header with the secret that lets the edge name the sender's address: the ingest token. */
export const WHIP_EDGE_TOKEN_HEADER = "corral-ingest-token";
/** Header with the sender's IP address. */
export const WHIP_SENDER_ADDRESS_HEADER = "corral-sender-address";

/** Headers of the node's successful responses that the edge passes on. */
export const WHIP_RESPONSE_HEADERS = ["accept-patch", "accept-post", "content-type", "etag", "location"] as const;

/** Random ids of sessions: 128 bits. */
export const WHIP_SESSION_PATTERN: RegExp = /^[0-9a-f]{32}$/;
