// Makes a plan that breaks a law small enough to be read: first whole actions go (delta debugging: Zeller and Hildebrandt,
// 2002), then whoever took part for nothing, then kinds of fault, delays and sizes, and again from the start, until nothing
// more can go. Every plan it keeps has broken the law; it never runs one itself, so whoever asks for it may stop it.
//
// The one thing to know: an index in an action points into an array of its plan, so what drops an element moves the
// indices above it. The streams of chance are named after the index too: a drop may therefore fail where it looks harmless.

import type { Action, Plan, PublisherPlan, ReaderPlan } from "./plan.ts"

export interface ShrinkProgress {
  /** The smallest so far that breaks the law. */
  readonly plan: Plan
  /** Plans that were tried. */
  readonly tries: number
}

/** Gives smaller plans, and is told of each whether it breaks the law. */
type Candidates = Generator<Plan, void, boolean>

/** A plan that takes more tries has become small enough, or its law is one that depends on everything. */
const triesMost = 10_000

/** Goes on by one try each time it is asked. `breaks` runs a plan and says whether the same law is broken. */
export function* shrinking(plan: Plan, breaks: (plan: Plan) => boolean): Generator<ShrinkProgress, void, void> {
  let smallest = plan
  let tries = 0
  for (let before: Plan | undefined; before !== smallest; ) {
    before = smallest
    for (const pass of passes) {
      const candidates = pass(smallest)
      for (let next = candidates.next(); next.done !== true && tries < triesMost; ) {
        const broken = breaks(next.value)
        if (broken) smallest = next.value
        tries += 1
        yield { plan: smallest, tries }
        next = candidates.next(broken)
      }
    }
  }
}

const passes: readonly ((plan: Plan) => Candidates)[] = [
  fewerActions,
  fewerReaders,
  fewerPublishers,
  fewerSessions,
  fewerNodes,
  fewerFaults,
  fewerExtras,
  plainerReaders,
  smallerBatches,
  smallerActions,
  soonerActions,
]

function* fewerActions(plan: Plan): Candidates {
  yield* fewer(plan.actions, (actions) => ({ ...plan, actions }))
}

function* fewerFaults(plan: Plan): Candidates {
  yield* fewer(plan.faults, (faults) => ({ ...plan, faults }))
}

/** Leaves out half, a quarter, … one of `items`, wherever that may be done. */
function* fewer<Item>(items: readonly Item[], make: (fewer: readonly Item[]) => Plan): Candidates {
  let kept = items
  for (let size = kept.length; size >= 1 && kept.length > 0; ) {
    let dropped = false
    for (let start = 0; start < kept.length; ) {
      const rest = kept.toSpliced(start, size)
      if (yield make(rest)) {
        kept = rest
        dropped = true
      } else start += size
    }
    // What was needed before another went may be needed no longer.
    size = dropped ? Math.min(size, kept.length) : Math.floor(size / 2)
  }
}

function* fewerReaders(plan: Plan): Candidates {
  let now = plan
  for (let gone = plan.readers.length - 1; gone >= 0; gone--) {
    const next = { ...now, readers: now.readers.toSpliced(gone, 1), actions: now.actions.flatMap((action) => withoutReader(action, gone)) }
    if (yield next) now = next
  }
}

/** The action as it is when a reader is gone: none, where it was done to that one. */
function withoutReader(action: Action, gone: number): readonly Action[] {
  if (!("reader" in action)) return [action]
  // Whose cursor is asked with is the smaller part of a question.
  if (action.do === "ask") return [{ ...action, reader: action.reader === gone ? 0 : moved(action.reader, gone) }]
  return action.reader === gone ? [] : [{ ...action, reader: moved(action.reader, gone) }]
}

function* fewerPublishers(plan: Plan): Candidates {
  let now = plan
  for (let gone = plan.publishers.length - 1; gone >= 0; gone--) {
    const next = { ...now, publishers: now.publishers.toSpliced(gone, 1), actions: now.actions.flatMap((action) => withoutPublisher(action, gone)) }
    if (yield next) now = next
  }
}

function withoutPublisher(action: Action, gone: number): readonly Action[] {
  if (!("publisher" in action)) return [action]
  return action.publisher === gone ? [] : [{ ...action, publisher: moved(action.publisher, gone) }]
}

function moved(index: number, gone: number): number {
  return index > gone ? index - 1 : index
}

function* fewerSessions(plan: Plan): Candidates {
  yield* lower(plan.sessions, 1, (sessions) => {
    const within = <Part extends { readonly session: number }>(part: Part): Part => ({ ...part, session: part.session % sessions })
    const actions = plan.actions.map((action) => ("session" in action ? within(action) : action))
    return { ...plan, sessions, readers: plan.readers.map(within), publishers: plan.publishers.map(within), actions }
  })
}

function* fewerNodes(plan: Plan): Candidates {
  yield* lower(plan.nodes, 1, (nodes) => {
    const within = <Part extends { readonly node: number }>(part: Part): Part => ({ ...part, node: part.node % nodes })
    const actions = plan.actions.map((action) => ("node" in action ? within(action) : action))
    return { ...plan, nodes, readers: plan.readers.map(within), publishers: plan.publishers.map(within), actions }
  })
}

function* fewerExtras(plan: Plan): Candidates {
  let now = plan
  for (const none of [{ splits: 0 }, { records: false }]) {
    const next = { ...now, ...none }
    if ((next.splits !== now.splits || next.records !== now.records) && (yield next)) now = next
  }
  for (const field of ["latencyMs", "logDelayMs"] as const) {
    const from = now
    let kept = from[field]
    yield* noting(lower(kept, field === "latencyMs" ? 1 : 0, (ms) => ({ ...from, [field]: ms })), (next) => (kept = next[field]))
    now = { ...from, [field]: kept }
  }
}

/** Everything about a reader that is not as with most of them. */
function* plainerReaders(plan: Plan): Candidates {
  let now = plan
  for (const index of plan.readers.keys()) {
    for (const plainer of [{ takesMs: 0 }, { filtered: false }, { folds: false }, { waits: true }, { recover: "events" }, { from: "observation" }] as const) {
      const reader = now.readers[index]
      if (reader === undefined || Object.entries(plainer).every(([field, value]) => Reflect.get(reader, field) === value)) continue
      const next = { ...now, readers: now.readers.with(index, { ...reader, ...plainer } satisfies ReaderPlan) }
      if (yield next) now = next
    }
  }
}

function* smallerBatches(plan: Plan): Candidates {
  let now = plan
  for (const [index, publisher] of plan.publishers.entries()) {
    const from = now
    const make = (lines: number): Plan => ({ ...from, publishers: from.publishers.with(index, { ...publisher, lines } satisfies PublisherPlan) })
    yield* noting(lower(publisher.lines, 1, make), (next) => (now = next))
  }
}

function* smallerActions(plan: Plan): Candidates {
  let now = plan
  for (const index of plan.actions.keys()) {
    for (const field of sizes) {
      const from = now
      const value = sizeOf(from.actions[index], field)
      if (value === undefined) continue
      const make = (size: number): Plan => ({ ...from, actions: from.actions.map((action, i) => (i === index ? { ...action, [field]: size } : action)) })
      yield* noting(lower(value, field === "lines" || field === "drafts" || field === "times" ? 1 : 0, make), (next) => (now = next))
    }
  }
}

/** Numbers of actions that say how much, how long or how often; all others say which, or from where on. */
const sizes = ["lines", "drafts", "times", "bytes", "lost", "downMs", "ms"] as const

function sizeOf(action: Action | undefined, field: (typeof sizes)[number]): number | undefined {
  const value: unknown = action === undefined ? undefined : Reflect.get(action, field)
  return typeof value === "number" ? value : undefined
}

/** Less time between an action and the one before it; all after it come sooner by as much. */
function* soonerActions(plan: Plan): Candidates {
  let now = plan
  for (const index of plan.actions.keys()) {
    const from = now
    const before = from.actions[index - 1]?.at ?? 0
    const gap = (from.actions[index]?.at ?? before) - before
    const make = (ms: number): Plan => ({ ...from, actions: from.actions.map((action, i) => (i < index ? action : { ...action, at: action.at - gap + ms })) })
    yield* noting(lower(gap, 0, make), (next) => (now = next))
  }
}

/** The least value that does, by halves: `least` first, as it mostly does. */
function* lower(value: number, least: number, make: (value: number) => Plan): Candidates {
  if (value <= least || (yield make(least))) return
  let now = value
  for (let by = Math.floor((now - least) / 2); by > 0; by = Math.floor(by / 2)) {
    while (now - by > least && (yield make(now - by))) now -= by
  }
}

/** Hands on what `candidates` gives, and tells which of it was kept. */
function* noting(candidates: Candidates, kept: (plan: Plan) => void): Candidates {
  for (let next = candidates.next(); next.done !== true; ) {
    const broken = yield next.value
    if (broken) kept(next.value)
    next = candidates.next(broken)
  }
}
