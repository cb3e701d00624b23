// One recording: a session's calls as the lines of a capsule, handed on as they happen and kept nowhere. What ends it is the
// host's to decide, also from within the function that takes the lines.

import { callText, type CapsuleCall } from "./capsule-call.ts"
import { Telling, type Told } from "./capsule-outcome.ts"
import { contentHash } from "./hash.ts"
import type { Instant, SessionName } from "./ids.ts"
import type { KernelConfig } from "./kernel-config.ts"
import type { Mask } from "./secret-mask.ts"

/** The numbers of a configuration: all of it but its models. */
export type CapsuleNumbers = Readonly<Record<Exclude<keyof KernelConfig, "models">, number>>

/** Takes a line of the capsule, without its end. It must not call the kernel, but may end the recording. */
export type WriteLine = (line: string) => void

export class Recording {
  readonly mask: Mask
  readonly tell: Telling
  /** Made so far: readers have their numbers by the order in which they came. */
  readers = 0
  #calls = 0
  readonly #write: WriteLine
  /** Over all lines so far. */
  #hash: string
  #ended = false
  #timeoutAt: Instant | undefined

  constructor(session: SessionName, config: KernelConfig, keepsLog: boolean, mask: Mask, write: WriteLine) {
    this.mask = mask
    this.tell = new Telling(mask)
    this.#write = write
    const header = headerLine(session, config, keepsLog)
    this.#hash = contentHash(header)
    write(header)
  }

  /** Makes the call and writes it down with what came of it, also where that was thrown. */
  made<Outcome>(call: CapsuleCall, make: () => Outcome, tell: (outcome: Outcome, telling: Telling) => Told): Outcome {
    let outcome: Outcome
    try {
      outcome = make()
    } catch (error) {
      this.#note(call, this.tell.threw(error))
      throw error
    }
    this.#note(call, tell(outcome, this.tell))
    return outcome
  }

  /**
   * The kernel does what is due. Of several in a row the last does all: they are written as one, and before the next call,
   * because most of them are about other sessions.
   */
  timeout(now: Instant): void {
    this.#timeoutAt = now
  }

  /** The last line; `because` is for people. */
  end(because: string): void {
    if (this.#ended) return
    this.#noteTimeout()
    this.#ended = true
    this.#write(JSON.stringify({ end: because, calls: this.#calls, hash: this.#hash }))
  }

  #note(call: CapsuleCall, told: Told): void {
    this.#noteTimeout()
    this.#line(call, told)
  }

  #noteTimeout(): void {
    const now = this.#timeoutAt
    this.#timeoutAt = undefined
    if (now !== undefined) this.#line({ call: "handleTimeout", now }, this.tell.nothing())
  }

  #line(call: CapsuleCall, told: Told): void {
    if (this.#ended) return
    this.#calls += 1
    const line = callLine(this.#calls, call, told)
    this.#hash = chained(this.#hash, line)
    this.#write(line)
  }
}

function headerLine(session: SessionName, config: KernelConfig, keepsLog: boolean): string {
  const { models, ...numbers } = config
  const versions = models.map(({ name, version }) => ({ name, version }))
  return JSON.stringify({ capsule: 1, session, kernel: bounded(numbers), keepsLog, models: versions })
}

/** JSON has no word for what is not bounded: null. */
function bounded(numbers: CapsuleNumbers): Readonly<Record<string, number | null>> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number.isFinite(value) ? value : null]))
}

/** `{"n": …, "call": …, …, "outcome": …, "hash": …}`; the hash is over all that stands before it and the whole outcome. */
function callLine(n: number, call: CapsuleCall, { summary, text }: Told): string {
  const before = `{"n":${n},${callText(call).slice(1, -1)},"outcome":${JSON.stringify(summary)}`
  return `${before},"hash":"${outcomeHash(before, text)}"}`
}

/** `before`: the line, up to the comma in front of its hash. */
export function outcomeHash(before: string, outcome: string): string {
  return contentHash(`${before}\n${outcome}`)
}

/** Of all lines up to `line`. */
export function chained(hash: string, line: string): string {
  return contentHash(`${hash}\n${line}`)
}
