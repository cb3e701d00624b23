// What `--help` prints: plain text, made from the same table that parses, wrapped to the terminal. Nothing here knows a
// command by name.

import { exitCodes } from "./exit.ts"
import type { Command, Option } from "./option.ts"

const promise = "Live sessions that survive the disconnect: exactly the events you missed, in order, once, or a gap that says why."

export function programHelp(commands: readonly Command[], version: string, columns: number): string {
  return [
    `tidemark ${version}`,
    ...wrap(promise, columns),
    "",
    "Usage: tidemark <command> [options]",
    "",
    "Commands:",
    ...table(commands.map((command) => [usageWords(command), command.summary]), columns),
    "",
    "Every command takes --help. `tidemark --version` prints the version.",
    "",
    "Exit codes:",
    ...table(Object.values(exitCodes).map(({ code, when }) => [String(code), when]), columns),
    "",
  ].join("\n")
}

export function commandHelp(command: Command, columns: number): string {
  const lines = [`Usage: tidemark ${usageWords(command)} [options]`, "", ...wrap(command.summary, columns)]
  for (const paragraph of command.details ?? []) lines.push("", ...paragraph.flatMap((line) => wrap(line, columns)))
  if (command.positional !== undefined) {
    lines.push("", "Argument:", ...table([[`<${command.positional.name}>`, command.positional.about]], columns))
  }
  lines.push("", "Options:", ...table([...command.options.map(optionRow), ["--help, -h", "this text"]], columns))
  if (command.examples !== undefined) lines.push("", "Examples:", ...command.examples.map((example) => `  ${example}`))
  lines.push("", "Exit codes: `tidemark --help` lists them.", "")
  return lines.join("\n")
}

function usageWords(command: Command): string {
  return command.positional === undefined ? command.name : `${command.name} <${command.positional.name}>`
}

function optionRow(option: Option<unknown>): readonly [string, string] {
  const facts = [
    option.choices === undefined ? "" : option.choices.join(" | "),
    option.repeated === undefined ? "" : "may be repeated",
    option.defaultText === undefined ? "" : `default ${option.defaultText}`,
    option.env === undefined ? "" : option.env,
  ].filter((fact) => fact !== "")
  return [
    `--${option.name}${option.placeholder === undefined ? "" : ` ${option.placeholder}`}`,
    facts.length === 0 ? option.about : `${option.about} (${facts.join("; ")})`,
  ]
}

/** Two columns; a left cell that is wider than the column stands on a line of its own. */
function table(rows: readonly (readonly [string, string])[], columns: number): readonly string[] {
  const left = Math.min(Math.max(...rows.map(([cell]) => cell.length)), 28)
  return rows.flatMap(([cell, about]) => {
    const lines = wrap(about, columns - left - 4)
    const indented = lines.map((line) => `${" ".repeat(left + 4)}${line}`)
    if (cell.length > left) return [`  ${cell}`, ...indented]
    return [`  ${cell.padEnd(left)}  ${lines[0] ?? ""}`, ...indented.slice(1)]
  })
}

/** Keeps the indent of a line that has one. */
function wrap(line: string, columns: number): readonly string[] {
  const indent = /^ */.exec(line)?.[0] ?? ""
  const lines: string[] = []
  let current = indent
  for (const word of line.trim().split(/ +/)) {
    if (current.length > indent.length && current.length + 1 + word.length > Math.max(columns, 40)) {
      lines.push(current)
      current = indent
    }
    current += current.length > indent.length ? ` ${word}` : word
  }
  return [...lines, current]
}
