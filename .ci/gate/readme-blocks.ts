// The parts of the README that CI runs. A fenced block counts when the comment before it says so:
//
//   <!-- ci: run -->            each line must end with exit code 0
//   <!-- ci: serve -->          stays up in the background; the next line waits until it answers
//   <!-- ci: follow -->         stays up in the background until the README ends
//   <!-- ci: serve, run, follow -->   one word per line of the block
//   <!-- ci: compile -->        a `ts` block that must compile
//   <!-- ci: node -->           a `ts` block that must compile, and end with exit code 0 when it is run
//
// Trailing `# comments` are for the reader. Whatever is not marked is not run: a fenced block of commands without a mark
// says `<!-- ci: no, because … -->` instead, so that none is forgotten.

export type ShellMode = "run" | "serve" | "follow"
export type SourceMode = "compile" | "node"

export type Block =
  | { readonly type: "shell"; readonly line: number; readonly commands: readonly { readonly mode: ShellMode; readonly text: string }[] }
  | { readonly type: "source"; readonly line: number; readonly mode: SourceMode; readonly text: string }
  /** Commands or code that nobody runs, and nobody said why. */
  | { readonly type: "unmarked"; readonly line: number; readonly text: string }
  /** A mark that does not fit its block. */
  | { readonly type: "wrong"; readonly line: number; readonly because: string }

const shells = new Set(["", "sh", "bash", "shell", "console"])
const languages = new Set(["ts", "typescript", "js", "javascript"])

/** The fenced blocks of a Markdown text that hold commands or code, in order; those that say `ci: no` are left out. */
export function readmeBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split("\n")
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```([a-z]*)\s*$/.exec(lines[i] ?? "")
    if (fence === null) continue
    const end = lines.findIndex((line, at) => at > i && line.startsWith("```"))
    const body = lines.slice(i + 1, end === -1 ? lines.length : end)
    const before = lines.slice(0, i).findLast((line) => line !== "") ?? ""
    const mark = /^<!-- ci: (.*) -->$/.exec(before)?.[1]
    const block = blockOf(fence[1] ?? "", i + 1, body, mark)
    if (block !== undefined) blocks.push(block)
    i += body.length + 1
  }
  return blocks
}

function blockOf(language: string, line: number, body: readonly string[], mark: string | undefined): Block | undefined {
  const text = body.join("\n")
  if (mark?.startsWith("no, because ") === true) return undefined
  if (languages.has(language)) {
    if (mark === "compile" || mark === "node") return { type: "source", line, mode: mark, text }
    if (mark !== undefined) return { type: "wrong", line, because: `a ${language} block is compile or node, not ${mark}` }
    return { type: "unmarked", line, text }
  }
  if (!shells.has(language)) return undefined
  if (mark === undefined) return { type: "unmarked", line, text }
  const commands = commandsOf(body)
  const words = mark.split(",").map((word) => word.trim())
  const modes = words.length === 1 ? commands.map(() => words[0]) : words
  if (modes.length !== commands.length) return { type: "wrong", line, because: `${words.length} marks for ${commands.length} commands` }
  const marked = commands.flatMap((command, i) => {
    const mode = modes[i]
    return isShellMode(mode) ? [{ mode, text: command }] : []
  })
  if (marked.length !== commands.length) return { type: "wrong", line, because: `commands are run, serve or follow, not ${mark}` }
  return { type: "shell", line, commands: marked }
}

function isShellMode(word: string | undefined): word is ShellMode {
  return word === "run" || word === "serve" || word === "follow"
}

/** One command per line; a line that ends in a backslash goes on in the next. */
function commandsOf(body: readonly string[]): string[] {
  return body
    .join("\n")
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#\s.*$/, "").trim())
    .filter((line) => line !== "")
}
