// What a campaign has reached: faults that happened, gaps that were said, outcomes that were given. A row that stays at
// zero is something nobody has tried; the tables are complete because the compiler demands every name.

import type {
  AppendCallOutcome,
  CreateOutcome,
  DeleteOutcome,
  DescribeOutcome,
  DriverReadOutcome,
  ExplainOutcome,
  ListOutcome,
  ObserveOutcome,
  QueryOutcome,
  ResumeCallOutcome,
  SubscribeCallOutcome,
  TrimOutcome,
} from "@tidemark/driver"
import type { LiveReplayGapReason } from "@tidemark/kernel"
import type { FaultName } from "./faults.ts"
import { faultNames } from "./faults.ts"

type Counts<Name extends string> = { [name in Name]: number }

/** `failed` in its kinds: it had no effect, or nobody knows (a question that was given up says so, too). */
type Failed = "failed/none" | "failed/unknown"
type Types<Outcome extends { readonly type: string }> = Exclude<Outcome["type"], "failed"> | Failed

interface Outcomes {
  readonly append: Counts<Types<AppendCallOutcome> | "repeated">
  readonly create: Counts<Types<CreateOutcome>>
  readonly delete: Counts<Types<DeleteOutcome>>
  readonly trim: Counts<Types<TrimOutcome>>
  readonly describe: Counts<Types<DescribeOutcome>>
  readonly list: Counts<Types<ListOutcome>>
  readonly observe: Counts<Types<ObserveOutcome>>
  readonly resume: Counts<Types<ResumeCallOutcome>>
  readonly query: Counts<Types<QueryOutcome>>
  readonly explain: Counts<Types<ExplainOutcome>>
  readonly subscribe: Counts<Types<SubscribeCallOutcome>>
  readonly read: Counts<DriverReadOutcome["type"]>
}

export type CallName = keyof Outcomes

export class Coverage {
  readonly faults: { [name in FaultName]?: number } = {}
  readonly gaps: Counts<LiveReplayGapReason> = { trimmed: 0, lagged: 0, epoch: 0, ahead: 0, diverged: 0, hole: 0, unknown_log: 0, budget: 0 }
  readonly outcomes: Outcomes = {
    append: {
      appended: 0,
      repeated: 0,
      conflict: 0,
      key_expired: 0,
      unknown_session: 0,
      closed: 0,
      expectation_failed: 0,
      full: 0,
      "failed/none": 0,
      "failed/unknown": 0,
    },
    create: { created: 0, existed: 0, settings_conflict: 0, full: 0, "failed/none": 0, "failed/unknown": 0 },
    delete: { deleted: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    trim: { trimmed: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    describe: { session: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    list: { listed: 0, "failed/none": 0, "failed/unknown": 0 },
    observe: { observed: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    resume: { replayed: 0, gap: 0, rejected: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    query: { page: 0, rejected: 0, conflict: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    explain: { explained: 0, rejected: 0, unknown_session: 0, "failed/none": 0, "failed/unknown": 0 },
    subscribe: { subscribed: 0, rejected: 0, unknown_session: 0, refused: 0, "failed/none": 0, "failed/unknown": 0 },
    read: { events: 0, gap: 0, observation: 0, idle: 0, failed: 0, ended: 0 },
  }

  constructor() {
    for (const name of faultNames) this.faults[name] = 0
  }

  fault(name: FaultName): void {
    this.faults[name] = (this.faults[name] ?? 0) + 1
  }

  gap(reason: LiveReplayGapReason): void {
    this.gaps[reason] += 1
  }

  /** An outcome of a call; `repeated` is an append that had been recorded before. */
  outcome(call: CallName, outcome: { readonly type: string; readonly effect?: string; readonly repeated?: boolean }): void {
    const counts: { [name: string]: number | undefined } = this.outcomes[call]
    const name = outcome.type === "failed" && call !== "read" ? `failed/${outcome.effect ?? "none"}` : outcome.repeated === true ? "repeated" : outcome.type
    const known = counts[name]
    if (known === undefined) throw new Error(`no table has a row for the outcome ${name} of ${call}`)
    counts[name] = known + 1
  }

  add(other: Coverage): void {
    sum(this.faults, other.faults)
    sum(this.gaps, other.gaps)
    for (const call of callNames) sum(this.outcomes[call], other.outcomes[call])
  }

  /** What stayed at zero, as `group/name`. */
  missing(): readonly string[] {
    const groups: readonly (readonly [string, { readonly [name: string]: number }])[] = [
      ["faults", this.faults],
      ["gaps", this.gaps],
      ...callNames.map((call) => [call, this.outcomes[call]] as const),
    ]
    return groups.flatMap(([group, counts]) => Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [`${group}/${name}`] : [])))
  }
}

export const callNames: readonly CallName[] = [
  ...(["append", "create", "delete", "trim", "describe", "list"] as const),
  ...(["observe", "resume", "query", "explain", "subscribe", "read"] as const),
]

function sum(into: { [name: string]: number }, from: { readonly [name: string]: number }): void {
  for (const [name, count] of Object.entries(from)) into[name] = (into[name] ?? 0) + count
}
