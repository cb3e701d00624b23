// Shell completions, made from the same table that parses. The scripts hold the words themselves, so that pressing Tab
// starts no process.

import { CommandFailure, exitCodes } from "./exit.ts"
import type { Command } from "./option.ts"

const shells = { bash, zsh, fish } as const

type Shell = keyof typeof shells

const isShell = (text: string): text is Shell => Object.hasOwn(shells, text)

/** The command that prints them; it completes itself too. */
export function completionsCommand(others: readonly Command[]): Command {
  const command: Command = {
    name: "completions",
    summary: "Print a script that completes tidemark's commands and options in your shell.",
    positional: { name: "shell", about: Object.keys(shells).join(", "), choices: Object.keys(shells) },
    options: [],
    examples: ["source <(tidemark completions bash)", "tidemark completions fish > ~/.config/fish/completions/tidemark.fish"],
    run: async (args) => {
      if (!isShell(args.positional)) throw new CommandFailure("usage", `the shells are ${Object.keys(shells).join(", ")}`)
      process.stdout.write(shells[args.positional]([...others, command]))
      return exitCodes.done.code
    },
  }
  return command
}

const dashed = (command: Command): readonly string[] => [...command.options.map((option) => `--${option.name}`), "--help"]

/** After these, the next word is free text, a file or one of a few. */
function afterOption(command: Command, indent: string): string {
  const cases = command.options
    .filter((option) => option.placeholder !== undefined)
    .map((option) => {
      const words = option.choices === undefined ? "-f" : `-W "${option.choices.join(" ")}"`
      return `${indent}--${option.name}) COMPREPLY=($(compgen ${words} -- "$word")); return ;;\n`
    })
  return cases.length === 0 ? "" : `${indent.slice(2)}case "$before" in\n${cases.join("")}${indent.slice(2)}esac\n`
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const words = [...(command.positional?.choices ?? []), ...dashed(command)].join(" ")
    return `    ${command.name})\n${afterOption(command, "        ")}      COMPREPLY=($(compgen -W "${words}" -- "$word")) ;;\n`
  })
  return `_tidemark() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map((command) => command.name).join(" ")} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("")}  esac
}
complete -F _tidemark tidemark
`
}

function zsh(commands: readonly Command[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
  const lines = commands.flatMap((command) => [
    `complete -c tidemark -f -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
    ...command.options.map((option) => {
      const words = option.choices === undefined ? " -r -F" : ` -x -a ${quoted(option.choices.join(" "))}`
      const value = option.placeholder === undefined ? "" : words
      return `complete -c tidemark -n '__fish_seen_subcommand_from ${command.name}' -l ${option.name}${value} -d ${quoted(option.about)}`
    }),
  ])
  return `${lines.join("\n")}\n`
}
