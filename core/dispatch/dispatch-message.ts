/** What nodes and the dispatch object tell each other. */

/** A job as its home tells it: the node that has the sender. */
export interface HomeJob {
  /** The stream. */
  readonly job: string;
  /** Whether the home runs it now. */
  readonly isRunning: boolean;
  /** Whether another node may run it: its input can be read anywhere. */
  readonly isPortable: boolean;
  /** How long it has waited, milliseconds: the order of waiting jobs survives the object. */
  readonly waitedMs: number;
}

/** A lease of a job; a later one of the same job has a higher fence. */
export interface JobLease {
  readonly job: string;
  readonly fence: number;
}

/** A node's heartbeat: all that it has and wants. The last one counts. */
export interface NodeHeartbeat {
  /** The process: another one of the same name has other jobs. */
  readonly instance: string;
  /** Counts up; an older message that arrives late changes nothing. */
  readonly sequence: number;
  /** Places that the node measures as free beside what it runs. */
  readonly freePlaces: number;
  /** No job is placed here any more but those of its own senders. */
  readonly isDraining: boolean;
  /** Whether it runs jobs of other homes. */
  readonly takesPortable: boolean;
  readonly jobs: readonly HomeJob[];
  /** Leases of other homes' jobs that it runs. */
  readonly guests: readonly JobLease[];
}

/** A job of the node that has a place. */
export interface PlacedJob extends JobLease {
  readonly node: string;
}

/** A job of the node that waits. */
export interface WaitingJob {
  readonly job: string;
  /** Jobs before it, of all nodes. */
  readonly ahead: number;
  /** Another node that has a free place, or null. */
  readonly roomAt: string | null;
}

/** The answer to a heartbeat. A job of the node that is in neither list has another home now. */
export interface DispatchAnswer {
  readonly placed: readonly PlacedJob[];
  readonly waiting: readonly WaitingJob[];
  /** Other homes' jobs that the node has to run, and no others. */
  readonly guests: readonly JobLease[];
}

/** A node as operators see it. */
export interface NodeStatus {
  readonly node: string;
  readonly freePlaces: number;
  readonly leases: number;
  readonly isDraining: boolean;
  readonly silentMs: number;
}

/** The cluster as operators see it. */
export interface DispatchStatus {
  readonly nodes: readonly NodeStatus[];
  readonly jobs: number;
  readonly waiting: number;
}
