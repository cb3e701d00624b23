// From words to a command and what it was told. Nothing is guessed: an option without its value, one given twice, one
// that nobody knows is refused with the name that was probably meant, and no word is ever taken for another's value.
//
// Not `@effect/cli`: 0.77.2 takes `tail --output` (its value forgotten) for a session of that name, calls an option
// without value or given twice "unknown", always writes colours, and adds 0.4 s to the start of every command.

import { parseArgs } from "node:util"
import { Args, type Command } from "./option.ts"

export type CommandLine =
  | { readonly type: "run"; readonly command: Command; readonly args: Args }
  /** `command` left out: of the program. */
  | { readonly type: "help"; readonly command: Command | undefined }
  | { readonly type: "version" }
  /** `message` says what is wrong; `command` is the one whose help helps. */
  | { readonly type: "wrong"; readonly message: string; readonly command: Command | undefined }

/** `words` without the program's name. */
export function parseCommandLine(
  commands: readonly Command[],
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CommandLine {
  const [first, ...rest] = words
  if (first === undefined) return { type: "wrong", message: "what should be done? Name a command.", command: undefined }
  if (first === "--help" || first === "-h") return { type: "help", command: undefined }
  if (first === "--version") return { type: "version" }
  if (first === "help") return helpOf(commands, rest)
  if (first.startsWith("-")) {
    return { type: "wrong", message: `a command comes first, then its options: ${first} cannot stand here`, command: undefined }
  }
  const command = commands.find((one) => one.name === first)
  if (command === undefined) return unknownCommand(commands, first)
  return parseOptions(command, rest, env)
}

function parseOptions(command: Command, words: readonly string[], env: Readonly<Record<string, string | undefined>>): CommandLine {
  const wrong = (message: string): CommandLine => ({ type: "wrong", message, command })
  const known = new Map(command.options.map((option) => [option.name, option]))
  const given = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokensOf(command, words)) {
    if (token.kind === "option-terminator") continue
    if (token.kind === "positional") {
      positionals.push(token.value)
      continue
    }
    if (token.name === "help" || token.rawName === "-h") return { type: "help", command }
    if (token.name === "version") return { type: "version" }
    const option = token.rawName.startsWith("--") ? known.get(token.name) : undefined
    if (option === undefined) return wrong(unknownOption(command, token.rawName))
    if (option.placeholder === undefined) {
      if (token.value !== undefined) return wrong(`--${option.name} is a switch and takes no value`)
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith("-"))) {
      const { name, placeholder } = option
      return wrong(`--${name} needs its value: --${name} ${placeholder} (or --${name}=-… if it begins with a dash)`)
    }
    const values = given.get(option.name) ?? []
    if (values.length > 0 && option.repeated === undefined) return wrong(`--${option.name} was given twice`)
    values.push(token.value ?? "")
    given.set(option.name, values)
  }
  const { positional } = command
  if (positional === undefined && positionals.length > 0) return wrong(`${command.name} takes no ${JSON.stringify(positionals[0])}`)
  if (positional !== undefined && positionals.length === 0) return wrong(`${command.name} needs <${positional.name}>: ${positional.about}`)
  if (positionals.length > 1) {
    return wrong(`${command.name} takes one <${positional?.name}>, and there is ${JSON.stringify(positionals[1])} too`)
  }
  return { type: "run", command, args: new Args(positionals[0] ?? "", given, env) }
}

/** Node's tokenizer, told which options take a value; it judges nothing here (`strict: false`), the loop above does. */
function tokensOf(command: Command, words: readonly string[]) {
  const options = Object.fromEntries(
    command.options.map((option) => [option.name, { type: option.placeholder === undefined ? ("boolean" as const) : ("string" as const) }]),
  )
  return parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true }).tokens
}

function helpOf(commands: readonly Command[], words: readonly string[]): CommandLine {
  const [name] = words
  if (name === undefined) return { type: "help", command: undefined }
  const command = commands.find((one) => one.name === name)
  return command === undefined ? unknownCommand(commands, name) : { type: "help", command }
}

function unknownCommand(commands: readonly Command[], name: string): CommandLine {
  const names = commands.map((command) => command.name)
  const meant = nearest(name, names)
  const hint = meant === undefined ? `The commands are ${names.join(", ")}.` : `Did you mean ${meant}?`
  return { type: "wrong", message: `there is no command ${JSON.stringify(name)}. ${hint}`, command: undefined }
}

function unknownOption(command: Command, rawName: string): string {
  const meant = nearest(rawName.replace(/^-+/, ""), command.options.map((option) => option.name))
  return `${command.name} has no option ${rawName}${meant === undefined ? "" : `. Did you mean --${meant}?`}`
}

/** The one name that a slip of two letters away from `written` could be. */
function nearest(written: string, names: readonly string[]): string | undefined {
  const near = names.filter((name) => lettersBetween(written, name) <= Math.min(2, name.length - 1))
  return near.sort((a, b) => lettersBetween(written, a) - lettersBetween(written, b))[0]
}

/** Levenshtein's distance; names are short. */
function lettersBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
