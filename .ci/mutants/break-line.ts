// One line of a text replaced by another, if it is there exactly once. The indentation stays, so that the table of
// mutants need not follow a line that moves into another block.

export type BreakOutcome =
  /** `line` counts from 1. */
  | { readonly type: "broken"; readonly line: number; readonly text: string }
  | { readonly type: "stale"; readonly because: string }

/** `line` and `instead` are written without indentation. */
export function broken(text: string, line: string, instead: string): BreakOutcome {
  const lines = text.split("\n")
  const found = lines.flatMap((each, i) => (each.trim() === line.trim() ? [i] : []))
  const [at] = found
  if (at === undefined) return { type: "stale", because: "the line is not there any more" }
  if (found.length > 1) return { type: "stale", because: `the line is there ${found.length} times` }
  if (line.trim() === instead.trim()) return { type: "stale", because: "nothing would change" }
  const indentation = /^\s*/.exec(lines[at] ?? "")?.[0] ?? ""
  lines[at] = `${indentation}${instead.trim()}`
  return { type: "broken", line: at + 1, text: lines.join("\n") }
}
