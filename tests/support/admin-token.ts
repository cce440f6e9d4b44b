/** The admin token of edges that tests, benches and load tests start: as long as one must be. */
export const ADMIN_TOKEN: string = "admin-token-of-32-bytes-for-tests";
