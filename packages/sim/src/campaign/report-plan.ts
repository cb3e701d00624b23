// A plan as a person reads it: in a few lines above its trace, and as JSON with one action a line, which is how it is kept
// in a file and what a review sees of it. A run's own outcome in words is here too.

import type { Plan, PublisherPlan, ReaderPlan } from "./plan.ts"
import { count, failureText, grouped, seconds } from "./report-words.ts"
import type { RunResult } from "./run.ts"

/** What the run is about, without its actions: those are in the trace. `found`: what was wrong, of a promoted seed. */
export function planSummary(plan: Plan, found?: string): string {
  const parts = [count(plan.nodes, "node"), count(plan.sessions, "session"), count(plan.readers.length, "reader"), count(plan.publishers.length, "publisher")]
  const last = plan.actions.at(-1)?.at ?? 0
  return lines([
    `seed ${plan.seed}: ${parts.join(", ")}, ${count(plan.actions.length, "action")} in ${seconds(last)}`,
    ...(found === undefined ? [] : [`  found        ${found}`]),
    `  faults       ${plan.faults.length === 0 ? "none" : plan.faults.join(", ")}`,
    `  delays       network up to ${plan.latencyMs} ms, log up to ${plan.logDelayMs} ms`,
    ...(plan.splits > 0 ? [`  chunks       cut apart ${plan.splits} of the time`] : []),
    ...(plan.records ? ["  capsules     session 0 is recorded"] : []),
    ...plan.readers.map((reader, i) => `  reader ${i}     ${readerText(reader)}`),
    ...plan.publishers.map((publisher, i) => `  publisher ${i}  ${publisherText(publisher)}`),
  ])
}

function readerText({ session, node, from, recover, filtered, folds, waits, takesMs }: ReaderPlan): string {
  const traits = [filtered && "filtered", folds && "folds", waits && "waits", takesMs > 0 && `${takesMs} ms an item`]
  return [`session ${session} at node ${node}`, `from ${from}`, `recover ${recover}`, ...traits.filter((trait) => trait !== false)].join(", ")
}

function publisherText({ session, node, lines: batch }: PublisherPlan): string {
  return `session ${session} at node ${node}, batches of ${batch}`
}

/** What came of a run, the same bytes every time; `again` is the command that makes it again, where there is one. */
export function outcomeText(run: RunResult, again: string | undefined): string {
  const size = `${grouped(run.steps)} steps, ${seconds(run.simulatedMs)} of simulated time, ${count(run.events, "event")}`
  if (run.failure === undefined) return lines([`every law held: ${size}`])
  return lines([failureText(run.failure), size, ...(again === undefined ? [] : [`  again    ${again}`, `  smaller  ${again} --shrink`])])
}

/** JSON, each reader, publisher and action on a line of its own. `indent` is what every line but the first begins with. */
export function planText(plan: Plan, indent = ""): string {
  const fields = Object.entries(plan).map(([name, value]) => {
    const listed = Array.isArray(value) && value.some((each) => typeof each === "object") ? list(value, `${indent}  `) : JSON.stringify(value)
    return `${indent}  ${JSON.stringify(name)}: ${listed}`
  })
  return `{\n${fields.join(",\n")}\n${indent}}`
}

function list(items: readonly unknown[], indent: string): string {
  return `[\n${items.map((item) => `${indent}  ${JSON.stringify(item)}`).join(",\n")}\n${indent}]`
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("")
}
