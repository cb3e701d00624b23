// What will happen in a run: who takes part, and what is done to them when. A plan is data: drawn from a seed, shrunk by
// leaving actions out, kept as a file when it found something. Delays and chunk sizes are drawn while it runs, from
// streams that depend on the plan's seed and the part's name alone, so that a shorter plan keeps most of them.

import { Chance } from "../chance.ts"
import type { CutKind } from "../fake-network.ts"
import type { ChangeFault } from "../fake-log.ts"
import { faultNames, type FaultName } from "./faults.ts"

export interface ReaderPlan {
  readonly session: number
  readonly node: number
  readonly from: "observation" | "start" | "now" | `tail:${number}`
  readonly recover: "events" | "auto" | "rest"
  readonly filtered: boolean
  readonly folds: boolean
  readonly waits: boolean
  readonly takesMs: number
}

export interface PublisherPlan {
  readonly session: number
  readonly node: number
  /** Lines of one batch. */
  readonly lines: number
}

/** A session, and the node that is asked about it; both are taken modulo how many there are. */
interface Place {
  readonly node: number
  readonly session: number
}

const questions = ["resume", "query", "explain", "observe", "describe", "list"] as const
/** What a forged cursor changes of a good one. */
const forgeries = ["digit", "position", "mark", "epoch", "session", "version", "noise"] as const

/** One thing that is done at `at`, in milliseconds of the world. */
export type Action = { readonly at: number } & (
  | { readonly do: "publish"; readonly publisher: number; readonly lines: number }
  | (Place & {
      readonly do: "append"
      readonly drafts: number
      readonly commit: boolean
      /** `again`: a key and its drafts from before; `other`: such a key with other drafts; `old`: a producer's number, often a low one. */
      readonly key: "none" | "new" | "again" | "other" | "old"
      readonly expect: "nothing" | "right" | "wrong"
      readonly create: boolean
    })
  | (Place & { readonly do: "ask"; readonly what: (typeof questions)[number]; readonly reader: number; readonly limit: number })
  | (Place & { readonly do: "close" | "hole" })
  | (Place & { readonly do: "delete" | "create" })
  | (Place & { readonly do: "trim"; readonly keep: number })
  | { readonly do: "cut"; readonly reader: number; readonly bytes: number; readonly kind: CutKind }
  | { readonly do: "stall" | "go-on" | "forget" | "come-back" | "kill-reader"; readonly reader: number }
  | { readonly do: "forge"; readonly reader: number; readonly how: (typeof forgeries)[number] }
  | { readonly do: "storm" }
  | { readonly do: "lose-answer" | "restart-publisher"; readonly publisher: number }
  | { readonly do: "fail-change"; readonly node: number; readonly how: ChangeFault }
  | { readonly do: "log-away"; readonly node: number; readonly ms: number }
  | { readonly do: "late-reads"; readonly node: number; readonly ms: number }
  | {
      readonly do: "crash"
      readonly node: number
      readonly downMs: number
      /** What the log loses with it: nothing, what nobody was told of, or `lost` changes that were acknowledged. */
      readonly tail: "kept" | "unsynced" | "acknowledged"
      readonly lost: number
      /** Of the model, when it comes back; 0: as before. */
      readonly version: number
    }
  | { readonly do: "backup"; readonly noticed: boolean; readonly lost: number }
  | { readonly do: "clock"; readonly ms: number }
  | { readonly do: "sleep"; readonly ms: number }
  | (Place & { readonly do: "wake"; readonly times: number })
  | { readonly do: "lose-wakes"; readonly ms: number }
)

export interface Plan {
  readonly seed: number
  /** The kinds of fault that this run may meet. */
  readonly faults: readonly FaultName[]
  readonly nodes: number
  readonly sessions: number
  readonly readers: readonly ReaderPlan[]
  readonly publishers: readonly PublisherPlan[]
  readonly latencyMs: number
  readonly logDelayMs: number
  readonly splits: number
  /** What the kernels are told of the first session is recorded, and told again to a fresh one. */
  readonly records: boolean
  readonly actions: readonly Action[]
}

/** The plan of a seed; `length`: of so many actions, instead of as many as the seed says. */
export function planOf(seed: number, length?: number): Plan {
  const chance = Chance.fork(seed, "plan")
  const actionsMost = length ?? chance.pick([30, 60, 60, 150])
  const density = chance.pick([0.1, 0.25, 0.5, 0.8])
  const drawn = faultNames.filter(() => chance.flip(density))
  // A session without a log lives and dies with its one process.
  const faults = drawn.includes("no-history") ? drawn.filter((name) => !farLogs.includes(name) && !ofKeptLogs.includes(name)) : drawn
  const has = (name: FaultName): boolean => faults.includes(name)
  const nodes = has("second-node") || has("wake-lost") || has("wake-again") ? 2 : 1
  const sessions = chance.between(1, has("idle") ? 4 : 2)
  const readers = Array.from({ length: chance.between(1, 5) }, () => readerOf(chance, sessions, nodes, has))
  const publishers = Array.from({ length: chance.between(1, 3) }, () => ({
    session: chance.below(sessions),
    node: chance.below(nodes),
    lines: chance.pick([1, 2, 5, 20]),
  }))
  const shape = { seed, faults, nodes, sessions, readers, publishers }
  const late = has("late-log")
  const actions = Array.from({ length: actionsMost }, () => actionOf(chance, shape))
  let at = 0
  const pace = chance.pick([20, 200, 2_000])
  return {
    ...shape,
    latencyMs: has("chunks") ? chance.pick([20, 400]) : 2,
    logDelayMs: has("no-history") ? 0 : late ? chance.pick([20, 200, 2_000]) : 3,
    splits: has("chunks") ? chance.pick([0.2, 0.9]) : 0,
    records: chance.flip(0.1),
    actions: actions.map((action) => ({ ...action, at: (at += chance.skewed(pace)) })),
  }
}

/** What happens to logs that are not in the process. */
const farLogs: readonly FaultName[] = ["second-node", "wake-lost", "wake-again", "late-log"]
/** Where nothing can be read back, what took effect without an answer is never learned. */
const ofKeptLogs: readonly FaultName[] = [
  ...(["append-fails-after", "append-answered-late", "unsynced-tail"] as const),
  ...(["acknowledged-tail", "backup-noticed", "backup-unnoticed"] as const),
]

type Shape = Pick<Plan, "faults" | "nodes" | "sessions" | "readers" | "publishers">

function readerOf(chance: Chance, sessions: number, nodes: number, has: (name: FaultName) => boolean): ReaderPlan {
  const folds = chance.flip(0.5)
  return {
    session: chance.below(sessions),
    node: chance.below(nodes),
    from: folds ? chance.pick(["observation", "start"]) : chance.pick(["observation", "start", "now", "tail:0", "tail:7"]),
    recover: folds ? chance.pick(["events", "auto"]) : chance.pick(["events", "auto", "rest"]),
    filtered: !folds && chance.flip(0.4),
    folds,
    waits: chance.flip(0.7),
    takesMs: has("slow-reader") ? chance.pick([0, 1, 30, 400]) : 0,
  }
}

/** What a fault, or plain use, does at some time: one of these is drawn for each action. */
function actionOf(chance: Chance, shape: Shape): Action {
  const at = 0
  const node = chance.below(shape.nodes)
  const session = chance.below(shape.sessions)
  const reader = chance.below(shape.readers.length)
  const publisher = chance.below(shape.publishers.length)
  const use = (): Action => {
    switch (chance.below(8)) {
      case 0:
      case 1:
      case 2:
        return { at, do: "publish", publisher, lines: 1 + chance.skewed(40) }
      case 3:
      case 4:
        return appendOf(chance, node, session)
      case 5:
        return { at, do: "ask", node, session, reader, what: chance.pick(questions), limit: chance.pick([0, 1, 10, 500]) }
      case 6:
        return { at, do: "create", node, session }
      default:
        return { at, do: "append", node, session, drafts: 1 + chance.skewed(12), commit: true, key: "none", expect: "nothing", create: true }
    }
  }
  if (shape.faults.length === 0 || chance.flip(0.45)) return use()
  const fault = faultActions[chance.pick(shape.faults)]
  return fault?.({ chance, node, session, reader, publisher }) ?? use()
}

function appendOf(chance: Chance, node: number, session: number): Action {
  return {
    at: 0,
    do: "append",
    node,
    session,
    drafts: 1 + chance.skewed(12),
    commit: chance.flip(0.3),
    key: chance.pick(["none", "new", "new", "again", "other", "old"]),
    expect: chance.pick(["nothing", "nothing", "right", "wrong"]),
    create: chance.flip(0.8),
  }
}

interface Drawn {
  readonly chance: Chance
  readonly node: number
  readonly session: number
  readonly reader: number
  readonly publisher: number
}

/** Kinds that are not here shape the whole run instead: delays, a second node, a log that keeps nothing. */
const faultActions: { readonly [name in FaultName]?: (drawn: Drawn) => Action } = {
  cut: ({ chance, reader }) => ({ at: 0, do: "cut", reader, bytes: chance.skewed(chance.pick([40, 400, 4_000])), kind: "both" }),
  "half-open": ({ chance, reader }) => ({ at: 0, do: "cut", reader, bytes: chance.skewed(400), kind: chance.pick(["client", "server", "silent"]) }),
  "stalled-reader": ({ chance, reader }) => ({ at: 0, do: chance.flip(0.6) ? "stall" : "go-on", reader }),
  storm: () => ({ at: 0, do: "storm" }),
  "fresh-reader": ({ reader }) => ({ at: 0, do: "forget", reader }),
  "reader-killed": ({ reader }) => ({ at: 0, do: "kill-reader", reader }),
  "old-cursor": ({ reader }) => ({ at: 0, do: "come-back", reader }),
  "forged-cursor": ({ chance, reader }) => ({ at: 0, do: "forge", reader, how: chance.pick(forgeries) }),
  "late-log": ({ chance, node }) => ({ at: 0, do: "late-reads", node, ms: chance.pick([0, 300, 3_000]) }),
  "append-fails-before": ({ node }) => ({ at: 0, do: "fail-change", node, how: "before" }),
  "append-fails-after": ({ node }) => ({ at: 0, do: "fail-change", node, how: "after" }),
  "append-answered-late": ({ node }) => ({ at: 0, do: "fail-change", node, how: "late" }),
  "log-away": ({ chance, node }) => ({ at: 0, do: "log-away", node, ms: chance.skewed(9_000) }),
  "answer-lost": ({ publisher }) => ({ at: 0, do: "lose-answer", publisher }),
  "publisher-restart": ({ publisher }) => ({ at: 0, do: "restart-publisher", publisher }),
  crash: ({ chance, node }) => crash(node, chance.skewed(5_000)),
  "unsynced-tail": ({ chance, node }) => ({ ...crash(node, chance.skewed(2_000)), tail: "unsynced" }),
  "acknowledged-tail": ({ chance, node }) => ({ ...crash(node, chance.skewed(2_000)), tail: "acknowledged", lost: 1 + chance.skewed(8) }),
  "backup-noticed": ({ chance }) => ({ at: 0, do: "backup", noticed: true, lost: chance.skewed(20) }),
  "backup-unnoticed": ({ chance }) => ({ at: 0, do: "backup", noticed: false, lost: chance.skewed(20) }),
  trim: ({ chance, node, session }) => ({ at: 0, do: "trim", node, session, keep: chance.pick([0, 1, 5, 20]) }),
  "clock-jump": ({ chance }) => ({ at: 0, do: "clock", ms: chance.between(-100_000, 100_000) }),
  sleep: ({ chance }) => ({ at: 0, do: "sleep", ms: chance.skewed(300_000) }),
  recreate: ({ chance, node, session }) => ({ at: 0, do: chance.flip(0.6) ? "delete" : "create", node, session }),
  close: ({ chance, node, session }) => ({ at: 0, do: chance.flip(0.5) ? "close" : "delete", node, session }),
  hole: ({ node, session }) => ({ at: 0, do: "hole", node, session }),
  "wake-lost": ({ chance }) => ({ at: 0, do: "lose-wakes", ms: chance.skewed(60_000) }),
  "wake-again": ({ chance, node, session }) => ({ at: 0, do: "wake", node, session, times: chance.between(1, 4) }),
  "model-version": ({ chance, node }) => ({ ...crash(node, 10), version: chance.between(1, 3) }),
}

function crash(node: number, downMs: number): Extract<Action, { do: "crash" }> {
  return { at: 0, do: "crash", node, downMs, tail: "kept", lost: 0, version: 0 }
}
