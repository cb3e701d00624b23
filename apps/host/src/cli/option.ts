// What a command can be told. An option is a value that knows its name, its help and how to read what was given, so
// that parsing, help and completions come from the same words and a command reads `args.get(output)` with the right type.

import { parseAmount, spelled, type LimitUnit } from "../limits.ts"
import { usage } from "./exit.ts"

export interface Option<Value> {
  /** Without the dashes. */
  readonly name: string
  /** What stands for the value in help; left out: a switch, which takes none. */
  readonly placeholder?: string
  /** May be given more than once. */
  readonly repeated?: true
  /** The environment variable that counts when the option is not given. */
  readonly env?: string
  /** For help and completions. */
  readonly choices?: readonly string[]
  /** One line for help; the default, the variable and the choices are added to it. */
  readonly about: string
  readonly defaultText?: string
  /** `given` is empty when neither the command line nor the environment has it. Throws a usage failure. */
  read(given: readonly string[]): Value
}

interface Named {
  readonly name: string
  readonly about: string
  readonly env?: string
}

/** True when given. */
export function flag(named: Named): Option<boolean> {
  return { ...named, read: (given) => given.length > 0 }
}

export function text(named: Named & { readonly placeholder: string }): Option<string | undefined> {
  return { ...named, read: (given) => given[0] }
}

export function textOr(fallback: string, named: Named & { readonly placeholder: string }): Option<string> {
  return { ...named, defaultText: fallback, read: (given) => given[0] ?? fallback }
}

export function texts(named: Named & { readonly placeholder: string }): Option<readonly string[]> {
  return { ...named, repeated: true, read: (given) => given }
}

/** A whole number from `min` to `max`. */
export function integer(
  named: Named & { readonly placeholder: string; readonly min: number; readonly max: number },
): Option<number | undefined> {
  const { min, max, ...option } = named
  return {
    ...option,
    read: (given) => {
      const [written] = given
      if (written === undefined) return undefined
      const value = /^-?\d{1,16}$/.test(written) ? Number(written) : Number.NaN
      if (value >= min && value <= max) return value
      throw usage(`--${named.name} takes a whole number from ${min} to ${max}, not ${JSON.stringify(written)}`)
    },
  }
}

/** A count, size or time from 0, written as the host's limits are. */
export function amount(named: Named & { readonly placeholder: string; readonly unit: LimitUnit }): Option<number | undefined> {
  const { unit, ...option } = named
  return {
    ...option,
    read: (given) => {
      const [written] = given
      if (written === undefined) return undefined
      const value = parseAmount(unit, written)
      if (value === undefined) throw usage(`--${named.name} takes ${spelled[unit]}, not ${JSON.stringify(written)}`)
      return value
    },
  }
}

/** What a command takes without dashes. */
export interface Positional {
  readonly name: string
  readonly about: string
  readonly choices?: readonly string[]
}

export interface Command {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What `--help` says below the usage line: paragraphs, each a list of lines that are printed as they stand. */
  readonly details?: readonly (readonly string[])[]
  readonly examples?: readonly string[]
  /** Required when it is there; no command takes two. */
  readonly positional?: Positional
  readonly options: readonly Option<unknown>[]
  /** Gives the exit code, or throws a `CommandFailure`. */
  run(args: Args): Promise<number>
}

/** A command line that was understood; values are read, and refused, when they are asked for. */
export class Args {
  /** What stood without dashes; empty when the command takes nothing of the kind. */
  readonly positional: string
  /** What stood on the command line, by option name: not what the environment has. */
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(positional: string, given: ReadonlyMap<string, readonly string[]>, env: Readonly<Record<string, string | undefined>>) {
    this.positional = positional
    this.given = given
    this.#env = env
  }

  /** The command line first, then the environment. A variable that is set to nothing counts as given. */
  get<Value>(option: Option<Value>): Value {
    const given = this.given.get(option.name)
    if (given !== undefined) return option.read(given)
    const variable = option.env === undefined ? undefined : this.#env[option.env]
    return option.read(variable === undefined ? [] : [variable])
  }
}
