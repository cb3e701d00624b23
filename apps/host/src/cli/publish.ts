// `tidemark publish`: standard input into a session, exactly once. Batches, keys, retries and what a producer stored
// before are the client package's; here bytes become drafts, and progress becomes words.

import { publish, type PublishOptions } from "@tidemark/client"
import { DraftReader, eventBytesDefault, isKind, type Drafts } from "./draft-reader.ts"
import { CommandFailure, exitCodes, usage } from "./exit.ts"
import { flag, integer, text, type Args, type Command } from "./option.ts"
import { counted, Progress } from "./progress.ts"
import { listenForEnding } from "./signals.ts"
import { asking, session, sessionOf, unreachable, url, workspace } from "./target.ts"

type PublishEvent = Parameters<NonNullable<PublishOptions["onEvent"]>>[0]

const producer = text({ name: "producer", placeholder: "NAME", about: "go on where an earlier publish under this name stopped" })
const ndjson = flag({ name: "ndjson", about: 'each line is a draft {"kind": …, "data": …}' })
const kind = text({ name: "kind", placeholder: "KIND", about: "of the events that lines become, if not line" })
const eventBytes = integer({
  name: "event-bytes",
  placeholder: "N",
  about: `the most an event's data may have, if the host's limit event-bytes is not ${eventBytesDefault}`,
  min: 1,
  max: 64 * 1024 * 1024,
})

export const publishCommand: Command = {
  name: "publish",
  summary: "Record the lines of standard input in a session, each exactly once, making the session if it is not there.",
  details: [
    [
      'A line becomes {"kind": "line", "data": "<the line>"}. It ends at LF, which is not part of it; a CR before it is. A last ' +
        "line without LF is a line all the same. What `tail` prints is what was read, byte for byte.",
      "A line that is not UTF-8 or too long ends it with exit code 6 and the line's number; the lines before it are published.",
    ],
    [
      "Lost connections neither lose a line nor record one twice: what was not answered is repeated under its key.",
      "With --producer NAME that holds over restarts of publish, too: it asks how far NAME has come and goes on after that line. The " +
        "input must be the same from its first line on. Two publishers must not use one name at a time, and a name that has published " +
        "nothing for a day is forgotten by the host.",
    ],
    [
      "Input is read only as fast as the host takes it. Ctrl-C and SIGTERM stop reading; the whole lines that were read are published " +
        "first. A second one ends it at once.",
    ],
  ],
  examples: [
    "npm ls --all 2>&1 | tidemark publish deps --producer npm-ls",
    "jq -c '{kind: \"build.step\", data: .}' steps.json | tidemark publish build --ndjson",
  ],
  positional: session,
  options: [producer, kind, ndjson, eventBytes, url, workspace],
  run,
}

async function run(args: Args): Promise<number> {
  const linesKind = args.get(kind) ?? "line"
  if (args.get(ndjson) && args.get(kind) !== undefined) throw usage("--kind is of lines; with --ndjson each draft names its own")
  if (!isKind(linesKind)) throw usage("--kind takes 1–128 characters without control characters")
  const target = sessionOf(args)
  const name = args.get(producer)
  const reader = new DraftReader({
    kind: args.get(ndjson) ? undefined : linesKind,
    eventBytesMax: args.get(eventBytes) ?? eventBytesDefault,
  })
  const stop = new AbortController()
  const ending = listenForEnding(stop, "ended at once: what was read last may not be published")
  const remarks = new Remarks(args, name)
  if (process.stdin.isTTY) remarks.say("reading lines from the terminal; Ctrl-D ends them")
  stop.signal.addEventListener("abort", () => process.stdin.destroy())
  try {
    const options = { ...target, drafts: draftsOf(reader, stop.signal), onEvent: (event: PublishEvent) => remarks.hear(event) }
    const summary = await asking(args, () => publish(name === undefined ? options : { ...options, producer: name }))
    remarks.end(summary.lines)
    return ending.code() ?? exitCodes.done.code
  } catch (error) {
    remarks.end(undefined)
    throw error
  } finally {
    ending.release()
    process.stdin.destroy() // else an input that is still open would keep the process
  }
}

/** Throws at the first line that cannot be published, once those before it were taken. */
async function* draftsOf(reader: DraftReader, stopped: AbortSignal): AsyncGenerator<string, void> {
  try {
    for await (const chunk of process.stdin) yield* taken(reader.push(chunk))
  } catch (error) {
    if (!stopped.aborted) throw error
  }
  if (!stopped.aborted) yield* taken(reader.end()) // half a line is no line when it was we who stopped
}

function* taken({ drafts, refused }: Drafts): Generator<string, void> {
  yield* drafts
  if (refused === undefined) return
  const { line, because } = refused
  throw new CommandFailure("unusable", `line ${line} cannot be published: ${because}. What came before it is published.`)
}

/** What is said while lines go out, and what it adds up to. */
class Remarks {
  readonly #args: Args
  readonly #producer: string | undefined
  readonly #progress = new Progress()
  #before = 0
  #stored = 0
  #reached = false
  #away = false
  #last = ""

  constructor(args: Args, producer: string | undefined) {
    this.#args = args
    this.#producer = producer
  }

  hear(event: PublishEvent): void {
    switch (event.type) {
      case "continued":
        this.#reached = true
        this.#before = event.after
        this.#stored = event.after
        if (event.after > 0) this.say(`${this.#producer} has published ${lines(event.after)} before; going on after them`)
        return
      case "stored":
        this.#reached = true
        if (this.#away) this.say("the host answers again")
        this.#away = false
        this.#stored = event.lines
        this.#last = `; the session is at position ${event.receipt.last} (durability: ${event.receipt.durability})`
        this.#progress.show(`${lines(this.#stored - this.#before)} published`)
        return
      case "retrying":
        if (!this.#reached) throw unreachable(this.#args, event.because)
        if (!this.#away && event.attempt > 1) {
          this.say(`the host does not answer (${event.because}); trying again, nothing is lost`)
          this.#away = true
        }
    }
  }

  /** `read`: lines of the whole input; `undefined` when it did not come to its end. */
  end(read: number | undefined): void {
    if (read === 0) return this.say("the input is empty; nothing was published")
    if (read === undefined && !this.#reached) return
    const before = this.#before === 0 ? "" : `, ${lines(this.#before)} had been published before`
    this.say(`${lines(this.#stored - this.#before)} published to ${this.#args.positional}${before}${this.#last}`)
  }

  say(text: string): void {
    this.#progress.say(text)
  }
}

function lines(count: number): string {
  return counted(count, "line", "lines")
}
