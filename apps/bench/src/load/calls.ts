// Calls between the bench and its processes: a line of JSON each way, over standard input and output. A process ends when
// its input does, so that none outlives the bench, whatever becomes of that.

import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"

/** What a process can be asked: names, each with one parameter and an answer. */
export type Answering<Calls> = {
  readonly [Name in keyof Calls]: Calls[Name] extends (given: infer Given) => infer Answer ? (given: Given) => Answer | Promise<Answer> : never
}

interface Asked {
  readonly id: number
  readonly name: string
  readonly given: never
}

/** Answers until the input ends, and ends the process then. */
export function answerCalls(calls: Readonly<Record<string, (given: never) => unknown>>): void {
  const lines = createInterface({ input: process.stdin })
  lines.on("line", (line) => {
    const asked: Asked = JSON.parse(line)
    void answerOne(calls, asked).then((answered) => process.stdout.write(`${JSON.stringify(answered)}\n`))
  })
  lines.on("close", () => process.exit(0))
}

async function answerOne(calls: Readonly<Record<string, (given: never) => unknown>>, { id, name, given }: Asked): Promise<object> {
  try {
    const call = calls[name]
    if (call === undefined) throw new Error(`nobody answers ${name}`)
    return { id, answer: await call(given) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

/** `never`: as good as what the caller says that it is. */
interface Answered {
  readonly id: number
  readonly answer: never
  readonly error?: string
}

interface Waiting {
  answered(answer: Answered): void
  gone(): void
}

/** The asking side. Calls that are under way when the process ends are rejected. */
export class Caller<Calls> {
  readonly #input: Writable
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #gone = false

  constructor(input: Writable, output: Readable) {
    this.#input = input
    input.on("error", () => this.#end())
    const lines = createInterface({ input: output })
    lines.on("line", (line) => {
      const answered: Answered = JSON.parse(line)
      const waiting = this.#waiting.get(answered.id)
      this.#waiting.delete(answered.id)
      waiting?.answered(answered)
    })
    lines.on("close", () => this.#end())
  }

  call<Name extends keyof Calls & string>(
    name: Name,
    given: Calls[Name] extends (given: infer Given) => unknown ? Given : never,
  ): Promise<Calls[Name] extends (given: never) => infer Answer ? Awaited<Answer> : never> {
    if (this.#gone) return Promise.reject(new Error(`${name}: the process is gone`))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        answered: ({ answer, error }) => {
          if (error === undefined) resolve(answer)
          else reject(new Error(`${name}: ${error}`))
        },
        gone: () => reject(new Error(`${name}: the process ended`)),
      })
      this.#input.write(`${JSON.stringify({ id, name, given })}\n`)
    })
  }

  #end(): void {
    this.#gone = true
    for (const waiting of this.#waiting.values()) waiting.gone()
    this.#waiting.clear()
  }
}
