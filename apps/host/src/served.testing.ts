// `tidemark serve` on a data directory, as a process of its own: it can be killed, and started again on the same directory
// and port. Runs what was built (`npm test` builds first).

import { commandLine, Spawned, type Ended } from "./cli/spawned.testing.ts"

export interface ServeOptions {
  readonly directory: string
  /** Left out: any free one. */
  readonly port?: number
  readonly words?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const alive = new Set<Served>()

export class Served {
  readonly process: Spawned

  constructor({ directory, port = 0, words = [], env = {} }: ServeOptions) {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    // `env` becomes the program it starts, so that a signal to the one reaches the other.
    this.process = new Spawned("env", [...variables, ...commandLine(["serve", "--data-dir", directory, "--port", String(port), ...words])])
    alive.add(this)
    void this.process.ended.then(() => alive.delete(this))
  }

  /** Rejects, with what it said, when it ends instead. */
  static async listening(options: ServeOptions): Promise<Served> {
    const served = new Served(options)
    await served.process.until(() => served.url !== "")
    return served
  }

  get url(): string {
    return /Tidemark listens on (http:\/\/[0-9.:]+)/.exec(this.process.stdout)?.[1] ?? ""
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get pid(): number {
    return this.process.child.pid ?? 0
  }

  get ended(): Promise<Ended> {
    return this.process.ended
  }

  /** What it told its operator, as far as `pattern` matches; waits for it. */
  async says(pattern: RegExp): Promise<string> {
    await this.process.until(() => pattern.test(this.process.stderr))
    return pattern.exec(this.process.stderr)?.[0] ?? ""
  }

  /** `kill -9`. */
  kill(): Promise<Ended> {
    this.process.kill("SIGKILL")
    return this.process.ended
  }

  /** As an operator ends it. */
  stop(): Promise<Ended> {
    this.process.kill("SIGTERM")
    return this.process.ended
  }
}

/** To be called after each test: what it left running is killed. */
export async function killAll(): Promise<void> {
  await Promise.all([...alive].map((served) => served.kill()))
}
