// The command line as its users meet it: the real program in a process of its own. For tests that say what comes out of
// it, how it ends, and what is left when it is killed.

import { spawn, type ChildProcess } from "node:child_process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../../bin/tidemark.js", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Spawned {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  readonly #out: Buffer[] = []
  readonly #err: Buffer[] = []
  #woken: () => void = () => {}

  constructor(command: string, words: readonly string[]) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEMARK_")))
    this.child = spawn(command, words, { env, stdio: ["pipe", "pipe", "pipe"] })
    this.child.stdin?.on("error", () => {}) // it may end before it has read everything
    this.child.stdout?.on("data", (chunk: Buffer) => this.#heard(this.#out, chunk))
    this.child.stderr?.on("data", (chunk: Buffer) => this.#heard(this.#err, chunk))
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject)
      this.child.once("close", (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
        this.#woken()
      })
    })
  }

  get stdout(): string {
    return Buffer.concat(this.#out).toString("utf8")
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString("utf8")
  }

  get outBytes(): number {
    return this.#out.reduce((bytes, chunk) => bytes + chunk.length, 0)
  }

  /** Until `holds`, which is asked after everything that comes out; rejects when the process ends before. */
  async until(holds: () => boolean): Promise<void> {
    let over = false
    void this.ended.then(() => (over = true))
    while (!holds()) {
      if (over) throw new Error(`the process ended first: ${this.stderr}`)
      await new Promise<void>((resolve) => (this.#woken = resolve))
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  #heard(into: Buffer[], chunk: Buffer): void {
    into.push(chunk)
    this.#woken()
  }
}

/** `tidemark <words>` with all of its input. */
export function tidemark(words: readonly string[], input: string | Uint8Array = ""): Spawned {
  const spawned = tidemarkOpen(words)
  spawned.child.stdin?.end(input)
  return spawned
}

/** `tidemark <words>`, whose input stays open until its standard input is ended. */
export function tidemarkOpen(words: readonly string[]): Spawned {
  const [command, ...rest] = commandLine(words)
  return new Spawned(command, rest)
}

/** The program and its words, for where something else starts it. */
export function commandLine(words: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, program, ...words]
}

export interface RunningHost {
  readonly url: string
  stop(): Promise<Ended>
}

/** A host on a free port, with its sessions in memory unless `words` say otherwise. */
export async function startHost(words: readonly string[] = []): Promise<RunningHost> {
  const log = words.includes("--log") ? [] : ["--log", "memory"]
  const host = tidemark(["serve", "--port", "0", ...log, ...words])
  const address = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+/.exec(host.stdout + host.stderr)?.[0]
  await host.until(() => address() !== undefined)
  return {
    url: address() ?? "",
    stop: () => {
      host.kill("SIGTERM")
      return host.ended
    },
  }
}
