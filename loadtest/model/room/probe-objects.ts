/** The room's objects with call counters: for `calibrate.ts` and `validate.ts` only. */

import { RoomRelay as ProductRelay } from "../../../durable-objects/room/relay/room-relay.ts";
import { Room as ProductRoom } from "../../../durable-objects/room/sequencer/room.ts";
import { RoomShard as ProductShard } from "../../../durable-objects/room/shard/room-shard.ts";
import type { RoomCallCounts } from "./call-counts.ts";

/** All objects of this process run in one isolate, so they share the counters. */
export const roomCallCounts: RoomCallCounts = {
  places: 0,
  attaches: 0,
  submissions: 0,
  acts: 0,
  reports: 0,
  delivers: 0,
  submissionsToRelays: 0,
  reportsToRelays: 0,
  deliversToRelays: 0,
  joins: 0,
  framesIn: 0,
  rowsWritten: 0,
};

let isCountingRows = false;

/** Counts the rows that all objects write from now on. */
function countRows(ctx: DurableObjectState): DurableObjectState {
  if (isCountingRows) return ctx;
  isCountingRows = true;
  const sql = Object.getPrototypeOf(ctx.storage.sql) as SqlStorage;
  const { exec } = sql;
  sql.exec = function counting(this: SqlStorage, query, ...values) {
    const cursor = exec.call(this, query, ...values);
    roomCallCounts.rowsWritten += cursor.rowsWritten;
    return cursor;
  } as SqlStorage["exec"];
  return ctx;
}

/** The room. */
export class ProbeRoom extends ProductRoom {
  constructor(...[ctx, env]: ConstructorParameters<typeof ProductRoom>) {
    super(countRows(ctx), env);
  }

  override summary(): ReturnType<ProductRoom["summary"]> {
    roomCallCounts.places += 1;
    return super.summary();
  }

  override attach(...args: Parameters<ProductRoom["attach"]>): ReturnType<ProductRoom["attach"]> {
    roomCallCounts.attaches += 1;
    return super.attach(...args);
  }

  override submit(...args: Parameters<ProductRoom["submit"]>): ReturnType<ProductRoom["submit"]> {
    roomCallCounts.submissions += 1;
    roomCallCounts.acts += args[0].acts.length;
    return super.submit(...args);
  }

  override report(...args: Parameters<ProductRoom["report"]>): ReturnType<ProductRoom["report"]> {
    roomCallCounts.reports += 1;
    return super.report(...args);
  }
}

/** A relay. */
export class ProbeRoomRelay extends ProductRelay {
  override submit(...args: Parameters<ProductRelay["submit"]>): ReturnType<ProductRelay["submit"]> {
    roomCallCounts.submissionsToRelays += 1;
    return super.submit(...args);
  }

  override report(...args: Parameters<ProductRelay["report"]>): ReturnType<ProductRelay["report"]> {
    roomCallCounts.reportsToRelays += 1;
    return super.report(...args);
  }

  override deliver(...args: Parameters<ProductRelay["deliver"]>): ReturnType<ProductRelay["deliver"]> {
    roomCallCounts.deliversToRelays += 1;
    return super.deliver(...args);
  }
}

/** A shard. */
export class ProbeRoomShard extends ProductShard {
  override fetch(...args: Parameters<ProductShard["fetch"]>): ReturnType<ProductShard["fetch"]> {
    roomCallCounts.joins += 1;
    return super.fetch(...args);
  }

  override webSocketMessage(
    ...args: Parameters<ProductShard["webSocketMessage"]>
  ): ReturnType<ProductShard["webSocketMessage"]> {
    roomCallCounts.framesIn += 1;
    return super.webSocketMessage(...args);
  }

  override deliver(...args: Parameters<ProductShard["deliver"]>): ReturnType<ProductShard["deliver"]> {
    roomCallCounts.delivers += 1;
    return super.deliver(...args);
  }
}
