// What outlives a process: the requests that changed the log, in the order in which they took effect, and the log they
// make. A crash keeps all of it or loses a tail that nobody was told of; a backup is a shorter list; a list that is played
// again gives the same log, because the log is a function of its requests (L16).

import { contract, epoch, type Entry, type Head, type SessionName } from "@tidemark/kernel"
import { MemoryLog, type LogAnswer, type LogRequest, type MemoryLogLimits } from "@tidemark/driver"

/** Told of everything that the log did, as it does it. */
export interface DiskWatcher {
  /** `request` took effect. */
  applied(request: LogRequest, answer: LogAnswer): void
  /** The log is now what the first `kept` changes made; with `generation`, under that one, so that every epoch is another. */
  restored(kept: number, generation: string | undefined): void
}

interface Change {
  readonly request: LogRequest
  readonly tokens: readonly string[]
}

export interface FakeDiskOptions {
  readonly limits: MemoryLogLimits
  /** False: positions, keys and snapshots as ever, but no entry can be read back. */
  readonly keepsEntries?: boolean
}

export class FakeDisk {
  readonly keepsEntries: boolean
  readonly #limits: MemoryLogLimits
  readonly #changes: Change[] = []
  #watcher: DiskWatcher | undefined
  #log: MemoryLog
  /** Never goes back, so that nothing that was lost is ever named again. */
  #tokens = 0
  #generation: string
  #drawn: string[] = []
  #replayed: string[] = []

  constructor(options: FakeDiskOptions) {
    this.#limits = options.limits
    this.keepsEntries = options.keepsEntries ?? true
    this.#generation = this.#fresh("g")
    this.#log = this.#make()
  }

  watch(watcher: DiskWatcher): void {
    this.#watcher = watcher
  }

  /** Changes so far: what a backup taken now would hold. */
  get length(): number {
    return this.#changes.length
  }

  stats(): ReturnType<MemoryLog["stats"]> {
    return this.#log.stats()
  }

  /** Where a session's log is; `undefined`: there is no such session. */
  headOf(session: SessionName): Head | undefined {
    const answer = answerOf(this.#log, { type: "head", session })
    return answer.type === "head" ? answer.head : undefined
  }

  /** What the log holds of a session now, in order. */
  entriesOf(session: SessionName): readonly Entry[] {
    const head = this.headOf(session)
    if (head === undefined) return []
    const after = { position: head.floor.position, point: head.floor }
    const answer = answerOf(this.#log, { type: "range", session, epoch: head.epoch, after, budget: { events: Infinity, bytes: Infinity } })
    return answer.type === "page" ? answer.entries : []
  }

  /** Carries `request` out, now. */
  apply(request: LogRequest): LogAnswer {
    this.#drawn = []
    const answer = answerOf(this.#log, request)
    if (isChange(request)) this.#changes.push({ request, tokens: this.#drawn })
    this.#watcher?.applied(request, answer)
    return answer
  }

  /**
   * The process or machine went down, or a backup was put in place: the log is what its first `kept` changes made.
   * `renewed`: the log can tell that something is missing, and takes another generation.
   */
  restore(kept: number, renewed: boolean): void {
    contract(kept <= this.#changes.length, "a log is restored to what it was")
    const replay = this.#changes.splice(0).slice(0, kept)
    const before = this.#generation
    if (renewed) this.#generation = this.#fresh("g")
    this.#drawn = []
    this.#log = this.#make()
    for (const change of replay) {
      this.#replayed = [...change.tokens]
      const request = renewed ? renamed(change.request, before, this.#generation) : change.request
      answerOf(this.#log, request)
      this.#changes.push({ ...change, request })
    }
    this.#watcher?.restored(kept, renewed ? this.#generation : undefined)
  }

  #make(): MemoryLog {
    let first = true
    const token = (): string => {
      if (first) {
        first = false
        return this.#generation
      }
      const drawn = this.#replayed.shift() ?? this.#fresh("i")
      this.#drawn.push(drawn)
      return drawn
    }
    return new MemoryLog({ limits: this.#limits, token, keepsEntries: this.keepsEntries })
  }

  #fresh(prefix: string): string {
    this.#tokens += 1
    return `${prefix}${this.#tokens}`
  }
}

/** A change that names an epoch of one generation, as a change of that epoch in another. */
function renamed(request: LogRequest, from: string, to: string): LogRequest {
  if (request.type !== "save" && request.type !== "trim") return request
  const [generation, incarnation = ""] = request.epoch.split(".")
  return generation === from ? { ...request, epoch: epoch(to, incarnation) } : request
}

function answerOf(log: MemoryLog, request: LogRequest): LogAnswer {
  let given: LogAnswer | undefined
  log.submit(request, (answer) => (given = answer))
  contract(given !== undefined, "a log in memory answers at once")
  return given
}

/** Whether the log is another one after it. */
export function isChange({ type }: LogRequest): boolean {
  switch (type) {
    case "append":
    case "create":
    case "delete":
    case "save":
    case "trim":
      return true
    case "head":
    case "open":
    case "range":
    case "list":
      return false
  }
}
