// One server, one process that reads and one that publishes, for one run: started together, ended together, and at the end
// held to what was acknowledged. Whatever takes too long is cut off, so that a run always ends.

import { Child, ownProgram } from "./machine/child.ts"
import { Caller } from "./load/calls.ts"
import { dialects, prepare, type Start } from "./load/dialect.ts"
import type { PublisherCalls } from "./load/publisher-process.ts"
import type { ReaderCalls } from "./load/reader-process.ts"
import type { Latencies, OpenReaders } from "./load/readers.ts"
import type { Published } from "./load/publisher.ts"
import { Invalid, type Stage } from "./scenario.ts"
import type { Column, ServerNeeds } from "./servers/columns.ts"
import type { Server } from "./servers/server.ts"

/** Wishes of a scenario; the stage knows the rest. */
export type Needs = Omit<ServerNeeds, "cpus" | "directory" | "fault" | "profiles">

/** Characters of what a process said before it broke off. */
const complaintMax = 1000

export class Rig {
  readonly #stage: Stage
  readonly #column: Column
  readonly #needs: Needs
  readonly #children: readonly Child[]
  readonly readers: Caller<ReaderCalls>
  readonly publisher: Caller<PublisherCalls>
  #server: Server
  #sessions: readonly string[] = []
  /** What every session has been given so far. */
  #position = 0

  private constructor(stage: Stage, column: Column, needs: Needs, children: readonly [Child, Child], server: Server) {
    this.#stage = stage
    this.#column = column
    this.#needs = needs
    this.#children = children
    this.readers = callerOf(children[0])
    this.publisher = callerOf(children[1])
    this.#server = server
  }

  /** Everything is ended when `use` is over, whatever becomes of it. */
  static async with<Result>(stage: Stage, column: Column, needs: Needs, use: (rig: Rig) => Promise<Result>): Promise<Result> {
    const cpus = stage.pins.load
    const loads = [new Child([ownProgram("load/reader-process")], { cpus }), new Child([ownProgram("load/publisher-process")], { cpus })] as const
    const endLoads = async (): Promise<void> => {
      await Promise.all(loads.map((child) => child.end("SIGKILL")))
    }
    // Calls that are under way are rejected with the process that was to answer them.
    const tooLong = setTimeout(() => void endLoads(), 4 * stage.sizes.stepMsMax)
    try {
      const rig = new Rig(stage, column, needs, loads, await startServer(stage, column, needs))
      try {
        return await use(rig)
      } catch (error) {
        throw await rig.#explained(error)
      } finally {
        await rig.#server.end()
      }
    } finally {
      clearTimeout(tooLong)
      await endLoads()
    }
  }

  get server(): Server {
    return this.#server
  }

  get position(): number {
    return this.#position
  }

  /** Publishers first: what is published before there are readers is theirs to skip. */
  async openPublishers(sessions: readonly string[], connections: number): Promise<void> {
    const { url, dialect } = this.#server
    this.#sessions = sessions
    await prepare(dialects[dialect], url, sessions)
    await this.publisher.call("open", { url, dialect, sessions, connections })
  }

  async openReaders(readers: number, start: Start = { type: "start" }): Promise<number> {
    return this.readers.call("open", this.asked(readers, start))
  }

  asked(readers: number, start: Start): OpenReaders {
    const { url, dialect } = this.#server
    return { url, dialect, sessions: this.#sessions, readers, start }
  }

  /** So many events in every session, without pause, until every reader has them. */
  async deliver(events: number, batch = 1): Promise<Published> {
    this.#position += events
    const reached = this.reach()
    const published = this.publisher.call("publish", { events, batch })
    await Promise.all([published, reached])
    return published
  }

  /** At a steady rate, to one session. */
  async deliverPaced(perSecond: number, events: number): Promise<void> {
    this.#position += events
    await Promise.all([this.publisher.call("pace", { perSecond, events }), this.reach()])
  }

  /** Published without anybody waiting for it. */
  published(events: number): void {
    this.#position += events
  }

  reach(): Promise<void> {
    return this.readers.call("reach", { position: this.#position, timeoutMs: this.#stage.sizes.stepMsMax })
  }

  /** What the server used for `work`, in microseconds. */
  async cpuUsOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.#server.cpuUs
    await work()
    return this.#server.cpuUs - before
  }

  latencies(): Promise<Latencies> {
    return this.readers.call("latencies", null)
  }

  /** Throws unless every delivery was the one that had to come. */
  async check(): Promise<void> {
    const acknowledged = await this.publisher.call("acknowledged", null)
    // An event that is delivered twice comes after the first time: whoever looks at once does not see it.
    await aMomentMore()
    const { wrong, examples } = await this.readers.call("verdict", acknowledged)
    if (wrong > 0) throw new Invalid(`${wrong} deliveries were wrong: ${examples.join("; ")}`)
  }

  /** Another server on the same directory. */
  async restart(): Promise<void> {
    await this.#server.end(true)
    this.#server = await startServer(this.#stage, this.#column, this.#needs)
  }

  /** With what a process said that broke off, or a server that is gone. */
  async #explained(error: unknown): Promise<Error> {
    // A process that was cut off is heard of after its connections are.
    await aMomentMore()
    const said = [...this.#children.map(({ stderr }) => stderr), this.#server.isThere ? "" : `the server is gone: ${this.#server.said}`]
    const complaints = said.filter((each) => each !== "").map((each) => each.slice(-complaintMax))
    const message = error instanceof Error ? error.message : String(error)
    return new Error([message, ...complaints].join("; "), { cause: error })
  }
}

function aMomentMore(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30))
}

function callerOf<Calls>(child: Child): Caller<Calls> {
  return new Caller<Calls>(child.process.stdin, child.process.stdout)
}

function startServer({ pins, directory, fault, profiles }: Stage, column: Column, needs: Needs): Promise<Server> {
  return column.start({ ...needs, cpus: pins.server, directory, fault, profiles })
}
