// `tidemark config`: what `serve` would run with, and where each value came from.

import { readConfig, type Environment, type Given, type HostConfig, type InForce } from "./config.ts"

/** Prints to standard output; 2 when `serve` would refuse to start, with its reasons on standard error. */
export async function printConfig(given: Given, env: Environment): Promise<number> {
  const outcome = readConfig(given, env)
  if (outcome.type === "refused") {
    for (const because of outcome.because) process.stderr.write(`tidemark: ${because}\n`)
    return 2
  }
  const { settings, limits } = outcome
  const notes = notesOn(outcome.config)
  const text = given.has("json") ? `${JSON.stringify({ settings, limits, notes }, null, 2)}\n` : table(settings, limits, notes)
  process.stdout.write(text)
  return 0
}

function notesOn({ log }: HostConfig): readonly string[] {
  if (log === "sqlite") return ["memory-log-events and memory-log-bytes are for --log memory: the SQLite log keeps what retention does."]
  return [`data-dir, durability and disk-free are for the SQLite log: --log ${log} does not use them.`]
}

function table(settings: readonly InForce[], limits: readonly InForce[], notes: readonly string[]): string {
  const all = [...settings, ...limits]
  const shown = ({ value }: InForce): string => (value === "" ? "-" : value)
  const width = (of: (line: InForce) => string): number => Math.max(...all.map((line) => of(line).length))
  const [names, values, origins] = [width(({ name }) => name), width(shown), width(({ from }) => from)]
  const line = (each: InForce): string =>
    `  ${each.name.padEnd(names)}  ${shown(each).padEnd(values)}  ${each.from.padEnd(origins)}  ${each.about}\n`
  const lines = (group: readonly InForce[]): string => group.map(line).join("")
  return `settings\n${lines(settings)}\nlimits (--limit NAME=VALUE)\n${lines(limits)}\n${notes.map((note) => `${note}\n`).join("")}`
}
