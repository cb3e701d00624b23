// Plans in files: a promoted seed (`packages/sim/seeds/*.json`: what was wrong, the law it broke, the plan) or a plan alone.
// A file is looked at in every field before it is run, since a name that is misspelt, or is no longer there, would do
// nothing and pass. The compiler demands a row for everything that an action may be.

import { isFaultName } from "../campaign/faults.ts"
import type { Action, Plan, PublisherPlan, ReaderPlan } from "../campaign/plan.ts"
import { planText } from "../campaign/report-plan.ts"

export interface PromotedSeed {
  /** What was wrong, as one sentence. */
  readonly found: string
  /** The law that it broke. */
  readonly law: string
  readonly plan: Plan
}

export type PlanFileOutcome =
  | ({ readonly type: "promoted" } & PromotedSeed)
  | { readonly type: "plan"; readonly plan: Plan }
  | { readonly type: "refused"; readonly because: string }

export function readPlanFile(text: string): PlanFileOutcome {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { type: "refused", because: `it is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (isPlan(value)) return { type: "plan", plan: value }
  if (isPromoted(value)) return { type: "promoted", found: value.found, law: value.law, plan: value.plan }
  const isWrapped = typeof value === "object" && value !== null && ("plan" in value || "found" in value)
  return { type: "refused", because: (isWrapped ? wrongIn(value, promotedShape, "") : wrongIn(value, planShape, "")) ?? "it is no plan" }
}

/** The file of a promoted seed. */
export function promotedText({ found, law, plan }: PromotedSeed): string {
  return `{\n  "found": ${JSON.stringify(found)},\n  "law": ${JSON.stringify(law)},\n  "plan": ${planText(plan, "  ")}\n}\n`
}

/** Says what is wrong with a value, and where; `undefined`: nothing. */
type Check = (value: unknown, at: string) => string | undefined
type Shape<Value> = { readonly [Field in keyof Value]-?: Check }

const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Check => (value, at) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
    ? undefined
    : `${at} is a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`}, not ${shown(value)}`

const flag: Check = (value, at) => (typeof value === "boolean" ? undefined : `${at} is true or false, not ${shown(value)}`)

const share: Check = (value, at) => (typeof value === "number" && value >= 0 && value <= 1 ? undefined : `${at} is a number from 0 to 1, not ${shown(value)}`)

const sentence: Check = (value, at) => (typeof value === "string" && value.trim() !== "" ? undefined : `${at} is a sentence, not ${shown(value)}`)

/** One of the keys: an object, so that the compiler demands all of them. */
const oneOf = <Name extends string>(names: { readonly [name in Name]: true }): Check => (value, at) =>
  typeof value === "string" && Object.hasOwn(names, value) ? undefined : `${at} is one of ${Object.keys(names).join(", ")}, not ${shown(value)}`

const listOf = (each: Check, most: number): Check => (value, at) => {
  if (!Array.isArray(value)) return `${at} is a list, not ${shown(value)}`
  if (value.length > most) return `${at} has ${value.length} elements, and may have ${most}`
  for (const [i, item] of value.entries()) {
    const wrong = each(item, `${at}[${i}]`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const shaped = (shape: { readonly [field: string]: Check }): Check => (value, at) => wrongIn(value, shape, at)

function wrongIn(value: unknown, shape: { readonly [field: string]: Check }, at: string): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${at === "" ? "it" : at} is an object, not ${shown(value)}`
  const path = (field: string): string => (at === "" ? field : `${at}.${field}`)
  for (const field of Object.keys(value)) if (!Object.hasOwn(shape, field)) return `${path(field)} is nothing that is known`
  for (const [field, check] of Object.entries(shape)) {
    const wrong = check(Reflect.get(value, field), path(field))
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

const from: Check = (value, at) =>
  typeof value === "string" && /^(observation|start|now|tail:\d{1,9})$/.test(value)
    ? undefined
    : `${at} is observation, start, now or tail:N, not ${shown(value)}`

const readerShape: Shape<ReaderPlan> = {
  session: whole(0),
  node: whole(0),
  from,
  recover: oneOf<ReaderPlan["recover"]>({ events: true, auto: true, rest: true }),
  filtered: flag,
  folds: flag,
  waits: flag,
  takesMs: whole(0),
}

const publisherShape: Shape<PublisherPlan> = { session: whole(0), node: whole(0), lines: whole(1) }

/** The action, or the one of several names, that is called so. */
type ActionOf<Name extends Action["do"]> = Named<Name, Action>
type Named<Name, Each> = Each extends { readonly do: infer Names } ? (Name extends Names ? Each : never) : never
type Own<Fields> = { readonly [Field in Exclude<keyof Fields, "at" | "do">]-?: Check }

const place = { node: whole(0), session: whole(0) }
const ofReader = { reader: whole(0) }
const ofPublisher = { publisher: whole(0) }
/** Longer than any plan goes on. */
const duration = whole(0, 1_000_000_000)

const actionShapes: { readonly [Name in Action["do"]]: Own<ActionOf<Name>> } = {
  publish: { ...ofPublisher, lines: whole(1, 100_000) },
  append: {
    ...place,
    drafts: whole(1, 100_000),
    commit: flag,
    key: oneOf<ActionOf<"append">["key"]>({ none: true, new: true, again: true, other: true, old: true }),
    expect: oneOf<ActionOf<"append">["expect"]>({ nothing: true, right: true, wrong: true }),
    create: flag,
  },
  ask: {
    ...place,
    what: oneOf<ActionOf<"ask">["what"]>({ resume: true, query: true, explain: true, observe: true, describe: true, list: true }),
    ...ofReader,
    limit: whole(0),
  },
  close: place,
  hole: place,
  delete: place,
  create: place,
  trim: { ...place, keep: whole(0) },
  cut: { ...ofReader, bytes: whole(0), kind: oneOf<ActionOf<"cut">["kind"]>({ both: true, client: true, server: true, silent: true }) },
  stall: ofReader,
  "go-on": ofReader,
  forget: ofReader,
  "come-back": ofReader,
  "kill-reader": ofReader,
  forge: {
    ...ofReader,
    how: oneOf<ActionOf<"forge">["how"]>({ digit: true, position: true, mark: true, epoch: true, session: true, version: true, noise: true }),
  },
  storm: {},
  "lose-answer": ofPublisher,
  "restart-publisher": ofPublisher,
  "fail-change": { node: whole(0), how: oneOf<ActionOf<"fail-change">["how"]>({ before: true, after: true, late: true }) },
  "log-away": { node: whole(0), ms: duration },
  "late-reads": { node: whole(0), ms: duration },
  crash: {
    node: whole(0),
    downMs: duration,
    tail: oneOf<ActionOf<"crash">["tail"]>({ kept: true, unsynced: true, acknowledged: true }),
    lost: whole(0),
    version: whole(0),
  },
  backup: { noticed: flag, lost: whole(0) },
  clock: { ms: whole(-1_000_000_000, 1_000_000_000) },
  sleep: { ms: duration },
  wake: { ...place, times: whole(1, 1_000) },
  "lose-wakes": { ms: duration },
}

function isActionName(name: unknown): name is Action["do"] {
  return typeof name === "string" && Object.hasOwn(actionShapes, name)
}

const action: Check = (value, at) => {
  const name: unknown = typeof value === "object" && value !== null && "do" in value ? value.do : undefined
  if (!isActionName(name)) return `${at}.do is one of ${Object.keys(actionShapes).join(", ")}, not ${shown(name)}`
  return wrongIn(value, { at: duration, do: () => undefined, ...actionShapes[name] }, at)
}

const planShape: Shape<Plan> = {
  seed: whole(0, 2 ** 31 - 1),
  faults: listOf((value, at) => (typeof value === "string" && isFaultName(value) ? undefined : `${at} is a kind of fault, and ${shown(value)} is none`), 1_000),
  nodes: whole(1, 16),
  sessions: whole(1, 1_000),
  readers: listOf(shaped(readerShape), 10_000),
  publishers: listOf(shaped(publisherShape), 10_000),
  latencyMs: duration,
  logDelayMs: duration,
  splits: share,
  records: flag,
  actions: listOf(action, 100_000),
}

const promotedShape: Shape<PromotedSeed> = {
  found: sentence,
  law: (value, at) =>
    typeof value === "string" && /^(L\d+|liveness|crash)$/.test(value) ? undefined : `${at} is L1 … L21, liveness or crash, not ${shown(value)}`,
  plan: shaped(planShape),
}

function isPlan(value: unknown): value is Plan {
  return wrongIn(value, planShape, "") === undefined
}

function isPromoted(value: unknown): value is PromotedSeed {
  return wrongIn(value, promotedShape, "") === undefined
}
