// What a scenario is: a piece of work that several subjects are given in turn, and figures that come out of it. A subject
// throws when what it did was not right: then the run is invalid, whatever its figures are.

import type { Pinning } from "./machine/machine.ts"
import type { Metric } from "./report/results.ts"
import type { Figures } from "./report/statistics.ts"
import type { FaultKind } from "./servers/fault.ts"
import type { Sizes } from "./sizes.ts"

/** Where a run takes place. */
export interface Stage {
  readonly sizes: Sizes
  readonly pins: Pinning
  /** Empty, for this run alone, and removed after it. */
  readonly directory: string
  /** Planted in the raw loops, to see that it is noticed. */
  readonly fault: FaultKind | undefined
  /** Where the servers leave a CPU profile of themselves. */
  readonly profiles: string | undefined
}

export interface Subject {
  readonly name: string
  readonly label: string
  /** Rejects when anything was not as it had to be. */
  run(stage: Stage): Promise<Figures>
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly metrics: readonly Metric[]
  readonly subjects: readonly Subject[]
  /** Connections of the server or of the readers, whichever are more: a process must be able to open so many. */
  readonly connections: number
  /** Run with `--quick` also when it is not named. */
  readonly inQuick: boolean
}

export class Invalid extends Error {
  override readonly name = "Invalid"
}
