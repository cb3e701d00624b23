// Programs that the bench starts: Node, on the cores they are meant for, with nothing of Tidemark's in their environment but
// what is said here. Their standard input is the bench: when it ends, so do they.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** A program of the bench itself, as it was built: `servers/raw-loop`. */
export function ownProgram(name: string): string {
  return fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url))
}

export interface ChildOptions {
  /** As `taskset` takes it; `undefined`: any. */
  readonly cpus: string | undefined
  /** Not Node, but this. */
  readonly command?: string
}

export class Child {
  readonly process: ChildProcessWithoutNullStreams
  readonly ended: Promise<void>
  /** The latest of what it said to a person. */
  stderr = ""

  constructor(words: readonly string[], { cpus, command = process.execPath }: ChildOptions) {
    const [program = command, ...rest] = cpus === undefined ? [command, ...words] : ["taskset", "-c", cpus, command, ...words]
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEMARK_") && name !== "NODE_OPTIONS")
    this.process = spawn(program, rest, { env: Object.fromEntries(inherited), stdio: "pipe" })
    this.process.stdin.on("error", () => this.process.kill())
    this.process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-saidMax)
    })
    // What is not Node's does not watch its input.
    const endToo = (): void => void this.process.kill("SIGTERM")
    process.once("exit", endToo)
    this.process.once("exit", () => process.off("exit", endToo))
    this.ended = new Promise((resolve) => {
      // Not `close`, which waits for whatever else holds its output.
      this.process.once("exit", () => resolve())
      this.process.once("error", (error) => {
        this.stderr += error.message
        resolve()
      })
    })
  }

  /** `taskset` becomes what it starts, so that this is the server's own. */
  get pid(): number {
    return this.process.pid ?? 0
  }

  /** Resolves when what it says matches; rejects, with what it said instead, when it ends or takes too long. */
  async says(stream: "stdout" | "stderr", pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const source = this.process[stream]
    let said = ""
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        source.off("data", onData)
      }
      const onData = (chunk: Buffer | string): void => {
        said += chunk.toString()
        const found = pattern.exec(said)
        if (found === null) return
        settle()
        resolve(found)
      }
      const fail = (why: string): void => {
        settle()
        reject(new Error(`${this.process.spawnargs.join(" ")} ${why}: ${said}${this.stderr}`))
      }
      const timer = setTimeout(() => fail(`said nothing of the kind for ${timeoutMs} ms`), timeoutMs)
      source.on("data", onData)
      void this.ended.then(() => fail("ended"))
    })
  }

  /** At once, as a person would end it, or as what is without a bench ends itself. */
  async end(how: "SIGKILL" | "SIGTERM" | "input"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    if (how === "input") this.process.stdin.end()
    else this.process.kill(how)
    const killer = setTimeout(() => this.process.kill("SIGKILL"), endMsMax)
    await this.ended
    clearTimeout(killer)
  }
}

const saidMax = 64 * 1024
const endMsMax = 15_000

/** Everything that a program says, once it has ended. */
export async function outputOf(words: readonly string[], options: ChildOptions): Promise<string> {
  const child = new Child(words, options)
  let said = ""
  child.process.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text
  })
  const [code] = await once(child.process, "close")
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${String(code)}: ${child.stderr}`)
  return said
}
