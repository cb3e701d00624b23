// A server under load, whatever it is: a process that says where it listens, and what it used so far.

import { pathToFileURL } from "node:url"
import { Child, ownProgram } from "../machine/child.ts"
import { cpuUs, isThere, rssBytes } from "../machine/proc.ts"
import type { DialectName } from "../load/dialect.ts"

/** What a program holds after garbage was collected. */
export interface Held {
  readonly rssBytes: number
  /** Of its heap, and of buffers beside it; the resident size where the program cannot say. */
  readonly usedBytes: number
}

/** Node servers have `in-server.ts` and are one process; one that is profiled must be let come to its end, as what has children must. */
type ServerKind = "node" | "profiled" | "other"

export class Server {
  readonly url: string
  readonly dialect: DialectName
  readonly #child: Child
  readonly #kind: ServerKind

  constructor(child: Child, url: string, dialect: DialectName, kind: ServerKind) {
    this.#child = child
    this.url = url
    this.dialect = dialect
    this.#kind = kind
  }

  get isThere(): boolean {
    return isThere(this.#child.pid)
  }

  /** To a person. */
  get said(): string {
    return this.#child.stderr
  }

  get cpuUs(): number {
    return cpuUs(this.#child.pid)
  }

  get rssBytes(): number {
    return rssBytes(this.#child.pid)
  }

  /** What it holds once it let go of what it could. */
  async collected(): Promise<Held> {
    if (this.#kind === "other") return { rssBytes: this.rssBytes, usedBytes: this.rssBytes }
    const said = this.#child.says("stderr", /bench-memory (\{.*\})\n/, collectMsMax)
    process.kill(this.#child.pid, "SIGUSR2")
    const [, json = "{}"] = await said
    const { heapUsed, external }: { heapUsed: number; external: number } = JSON.parse(json)
    return { rssBytes: this.rssBytes, usedBytes: heapUsed + external }
  }

  /** At once; `gently` where what it keeps on disk is read again. */
  end(gently = false): Promise<void> {
    if (gently) return this.#child.end("SIGTERM")
    switch (this.#kind) {
      case "node":
        return this.#child.end("SIGKILL")
      case "profiled":
        return this.#child.end("input")
      case "other":
        return this.#child.end("SIGTERM")
    }
  }
}

const collectMsMax = 30_000
export const startMsMax = 30_000

export interface NodeServerOptions {
  /** As `taskset` takes it. */
  readonly cpus: string | undefined
  readonly dialect: DialectName
  /** Where it leaves a CPU profile of itself when it ends. */
  readonly profiles: string | undefined
}

/** Starts a Node program that says on its standard output where it listens; every one with the same flags. */
export async function startServer(words: readonly string[], { cpus, dialect, profiles }: NodeServerOptions): Promise<Server> {
  const flags = ["--expose-gc", "--import", pathToFileURL(ownProgram("servers/in-server")).href]
  const profiling = profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles]
  const child = new Child([...flags, ...profiling, ...words], { cpus })
  try {
    const [url] = await child.says("stdout", /http:\/\/127\.0\.0\.1:\d+/, startMsMax)
    return new Server(child, url, dialect, profiles === undefined ? "node" : "profiled")
  } catch (error) {
    await child.end("SIGKILL")
    throw error
  }
}
