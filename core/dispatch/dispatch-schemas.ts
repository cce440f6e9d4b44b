/** The messages of dispatch as schemas, for validation and documentation. */
import * as z from "zod/mini";
import { answerSchemas, requestSchemas } from "../api/schemas.ts";
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type { DispatchAnswer, DispatchStatus, JobLease, NodeHeartbeat } from "./dispatch-message.ts";

const count = (max: number): z.ZodMiniType<number> => z.int().check(z.gte(0), z.lte(max));
const DAY_MS = 86_400_000;

const job = z.string().check(z.regex(/^[a-z0-9][a-z0-9_-]{0,63}$/));
const name = z.string().check(z.minLength(1), z.maxLength(DISPATCH_LIMITS.nameChars));
const lease: z.ZodMiniType<JobLease> = z.object({ job, fence: count(Number.MAX_SAFE_INTEGER) });

/** The names of nodes in addresses. */
export const NODE_NAME_PATTERN: RegExp = /^[a-z0-9][a-z0-9_.-]{0,63}$/i;

/** The body of a heartbeat. */
export const NodeHeartbeatSchema: z.ZodMiniType<NodeHeartbeat> = z.object({
  instance: name,
  sequence: count(Number.MAX_SAFE_INTEGER),
  freePlaces: count(DISPATCH_LIMITS.places),
  isDraining: z.boolean(),
  takesPortable: z.boolean(),
  jobs: z
    .array(z.object({ job, isRunning: z.boolean(), isPortable: z.boolean(), waitedMs: count(DAY_MS) }))
    .check(z.maxLength(DISPATCH_LIMITS.jobsPerNode)),
  guests: z.array(lease).check(z.maxLength(DISPATCH_LIMITS.jobsPerNode)),
});
requestSchemas.add(NodeHeartbeatSchema, { id: "NodeHeartbeat" });

/** The body of a goodbye: the process that ends. */
export const NodeInstanceSchema: z.ZodMiniType<Pick<NodeHeartbeat, "instance">> = z.object({ instance: name });
requestSchemas.add(NodeInstanceSchema, { id: "NodeInstance" });

/** The answer to a heartbeat. */
export const DispatchAnswerSchema: z.ZodMiniType<DispatchAnswer> = z.object({
  placed: z.array(z.object({ job, fence: z.int(), node: name })),
  waiting: z.array(z.object({ job, ahead: z.int(), roomAt: z.nullable(name) })),
  guests: z.array(lease),
});
answerSchemas.add(DispatchAnswerSchema, { id: "DispatchAnswer" });

/** The cluster. */
export const DispatchStatusSchema: z.ZodMiniType<DispatchStatus> = z.object({
  nodes: z.array(
    z.object({
      node: name,
      freePlaces: z.int(),
      leases: z.int(),
      isDraining: z.boolean(),
      silentMs: z.int(),
    }),
  ),
  jobs: z.int(),
  waiting: z.int(),
});
answerSchemas.add(DispatchStatusSchema, { id: "DispatchStatus" });
