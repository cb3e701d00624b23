// `tidemark tail`: a session on standard output or in a file, over any number of lives. The client package finds the way
// back after every cut; what is decided here is what is written, when its cursor is kept, and how the command ends.

import { connect, type ClientItem } from "@tidemark/client"
import { Delivery } from "./delivery.ts"
import { exitCodes, isReaderGone, usage } from "./exit.ts"
import { gapText, itemText, type ItemFormat } from "./item-text.ts"
import { flag, text, textOr, type Args, type Command, type Option } from "./option.ts"
import { openOutputFile, openStandardOutput, type Output } from "./output.ts"
import { listenForEnding } from "./signals.ts"
import { asking, session, sessionOf, unreachable, url, workspace } from "./target.ts"

type From = "start" | "now" | "observation" | `tail:${number}`

const from: Option<From> = {
  name: "from",
  placeholder: "WHERE",
  choices: ["start", "now", "observation", "tail:N"],
  about: "where to begin when no cursor file says so",
  defaultText: "start",
  read: ([given]) => parseFrom(given ?? "start"),
}
const output = text({
  name: "output",
  placeholder: "FILE",
  about: "write into this file, every line once, whatever is killed; needs --cursor-file",
})
const cursorFile = text({ name: "cursor-file", placeholder: "FILE", about: "keep the place here, and begin there the next time" })
const kinds = textOr("*", {
  name: "kinds",
  placeholder: "KINDS",
  about: "only events of these kinds, comma separated; turn.* for all that begin so",
})
const json = flag({
  name: "json",
  about: "every item as one line of JSON: observation, event, gap, caught_up, closed; with --output only observations and events",
})
const noFollow = flag({ name: "no-follow", about: "end when all that is there was given" })

export const tailCommand: Command = {
  name: "tail",
  summary: "Print a session: what is there, then what comes, live, until it is closed or you end it.",
  details: [
    [
      "Events of kind `line` are printed as the lines they are, and everything else as JSON, one line each. A session that is not there " +
        "yet is waited for (with --no-follow: exit code 4).",
      "What is said about the session (waiting, a lost connection, gaps) goes to standard error. A gap is never silent: it is told, " +
        "reading goes on with what can still be read, and the exit code is 7 at the end.",
    ],
    [
      "How exact:",
      "  --output F --cursor-file C: F holds every line once, in order, whatever is killed and whenever. C says how far F is complete. " +
        "Once the host has taken its cursor, F is cut to that length; an F that is shorter, or not empty without a C, is refused, and so " +
        "is a second tail on the same files.",
      "  standard output with --cursor-file C: exact over Ctrl-C and SIGTERM; over kill -9 or a power cut at least once, because a pipe " +
        "cannot be taken back: lines that were printed just before may be printed again.",
      "  standard output alone: exact as long as it runs, over lost connections.",
    ],
    [
      "Ctrl-C and SIGTERM end it when what was received is written; a second one ends it at once. A reader that goes away (`| head`) " +
        "ends it quietly.",
    ],
  ],
  examples: [
    "tidemark tail deps --output deps.txt --cursor-file deps.cursor",
    "tidemark tail deps --from tail:20",
    "tidemark tail deps --no-follow | sort",
  ],
  positional: session,
  options: [from, output, cursorFile, kinds, json, noFollow, url, workspace],
  run: tail,
}

async function tail(args: Args): Promise<number> {
  const begin = args.get(from)
  const target = sessionOf(args)
  const to = await openOutput(args)
  const stop = new AbortController()
  const ending = listenForEnding(stop, "ended at once: what was received last may not be written")
  const delivery = new Delivery(to.write, to.settings, () => stop.abort())
  const remarks = new Remarks(args, to)
  const kindsWanted = args.get(kinds)
  const format: ItemFormat = !args.get(json) ? "lines" : args.get(output) === undefined ? "items" : "entries"
  try {
    await asking(args, async () => {
      const items = connect({
        ...target,
        from: begin,
        recover: remarks.recover,
        follow: !args.get(noFollow),
        signal: stop.signal,
        // Besides the cursors of items: those of heartbeats, where a filter hides what passes.
        storage: { load: () => to.cursor, save: (cursor) => delivery.append(undefined, cursor) },
        ...(args.get(noFollow) ? {} : { missing: "wait" as const }),
        ...(kindsWanted === "*" ? {} : { kinds: kindsWanted.split(",") }),
      })
      for await (const item of items) {
        remarks.about(item)
        if (item.type === "status") continue // carries our own cursor, which the host may not have judged yet
        const full = delivery.append(itemText(item, format), item.cursor)
        if (full !== undefined) await full
      }
    }, args.get(cursorFile))
    await delivery.end()
  } catch (error) {
    await delivery.end().catch(() => {}) // what came before stands, as far as it can be written
    if (!isReaderGone(error)) throw error
  } finally {
    ending.release()
  }
  remarks.end()
  if (remarks.gaps > 0) return exitCodes.gap.code
  return ending.code() ?? exitCodes.done.code
}

/** What is said on standard error while items come, and what it adds up to. */
class Remarks {
  /** How a gap is to be answered: whoever asked for views gets another one, whoever asked for lines the next ones. */
  readonly recover: "events" | "rest"
  gaps = 0
  readonly #args: Args
  readonly #to: Output
  #reached = false
  #caughtUp = false
  #said = ""

  constructor(args: Args, to: Output) {
    this.#args = args
    this.#to = to
    this.recover = args.get(from) === "observation" ? "events" : "rest"
  }

  about(item: ClientItem): void {
    switch (item.type) {
      case "status":
        this.#aboutStatus(item)
        return
      case "gap":
        this.gaps += 1
        this.#say(gapText(item.gap, this.recover === "events"))
        break
      case "caught_up":
        if (!this.#caughtUp && this.#to.written() !== "" && !this.#args.get(noFollow)) {
          this.#say(`caught up at position ${item.position}; following, Ctrl-C ends it`)
        }
        this.#caughtUp = true
        break
      case "closed":
        this.#say(`the session is closed: ${item.closed.reason}`)
        break
      case "observation":
      case "event":
    }
    this.#reached = true
  }

  end(): void {
    if (this.#to.written() !== "") this.#say(this.#to.written())
  }

  #aboutStatus(item: Extract<ClientItem, { type: "status" }>): void {
    switch (item.status) {
      case "connecting":
        return
      case "waiting":
        this.#sayOnce(`${this.#args.positional} is not there yet; waiting for it`)
        this.#reached = true
        return
      case "live":
        if (this.#said !== "") this.#sayOnce("connected")
        this.#said = ""
        this.#reached = true
        return
      case "reconnecting":
        if (!this.#reached) throw unreachable(this.#args, item.because ?? "no answer")
        // One cut is nothing to talk about: connections have a maximum age, and the next one goes on where this one ended.
        if (item.attempt <= 1) return
        if (item.asked !== undefined) this.#sayOnce(`the host asks to come again (${item.asked}); coming back`)
        else this.#sayOnce(`the host does not answer (${item.because ?? "no answer"}); trying again`)
    }
  }

  /** A host that is away for a night is said to be away once. */
  #sayOnce(text: string): void {
    if (text !== this.#said) this.#say(text)
    this.#said = text
  }

  #say(text: string): void {
    process.stderr.write(`tidemark: ${text}\n`)
  }
}

function openOutput(args: Args): Promise<Output> {
  const path = args.get(output)
  const cursorPath = args.get(cursorFile)
  if (path === undefined) return openStandardOutput(cursorPath)
  if (cursorPath === undefined) {
    throw usage("--output needs --cursor-file FILE: it says how far the output is complete, so that a killed tail can be started again")
  }
  return openOutputFile(path, cursorPath)
}

function parseFrom(written: string): From {
  if (written === "start" || written === "now" || written === "observation") return written
  const count = /^tail:([1-9]\d{0,8})$/.exec(written)?.[1]
  if (count !== undefined) return `tail:${Number(count)}`
  throw usage(`--from takes start, now, observation or tail:N, not ${JSON.stringify(written)}`)
}
