// `tidemark record`: what a host's kernel is told of a session, and what it answers, as a capsule that is replayed anywhere
// (`replay.ts`). The host sends the lines as they happen, and they are written as they come: what is there when the power
// goes is a capsule that was cut, and is good as far as it goes.

import { closeSync, existsSync, ftruncateSync, openSync, rmSync } from "node:fs"
import { request, type IncomingMessage } from "node:http"
import { request as requestOverTls } from "node:https"
import { ClientError, getSession, sessionUrl, type SessionAddress } from "@tidemark/client"
import { parseAmount } from "../limits.ts"
import { isMissing, writeAll } from "./cursor-file.ts"
import { cannotWrite, CommandFailure, exitCodes, isReaderGone, isSystemError, usage } from "./exit.ts"
import { LineSplitter } from "./line-splitter.ts"
import { flag, text, type Args, type Command, type Option } from "./option.ts"
import { writeStandardOutput } from "./output.ts"
import { counted, Progress } from "./progress.ts"
import { listenForEnding } from "./signals.ts"
import { asking, session, sessionOf, unreachable, url, workspace } from "./target.ts"

const output = text({ name: "output", placeholder: "FILE", about: "write into this file, in place of standard output" })
const overwrite = flag({ name: "overwrite", about: "FILE may be there, and is lost" })
const forTime: Option<number | undefined> = {
  name: "for",
  placeholder: "TIME",
  about: "end after this time, 1s to 1h; an hour unless said",
  read: ([given]) => {
    if (given === undefined) return undefined
    const ms = parseAmount("ms", given)
    if (ms !== undefined && ms >= 1_000 && ms <= 3_600_000) return ms
    throw usage(`--for takes a time from 1s to 1h, such as 30s or 10min, not ${JSON.stringify(given)}`)
  },
}
const secret: Option<readonly string[]> = {
  name: "secret",
  placeholder: "NAME",
  repeated: true,
  about: "hash fields of this name, too",
  read: (given) => {
    if (given.includes("")) throw usage("--secret takes the name of a field, and an empty one names none")
    return given
  },
}
const all = flag({ name: "all", about: "hash every text and number of the data" })

export const recordCommand: Command = {
  name: "record",
  summary: "Record what the host's kernel is told of a session, and what it answers, as a capsule for `tidemark replay`.",
  details: [
    [
      "Readers of the session are asked to come again before it begins, and go on where they were. It ends after --for, with Ctrl-C, or " +
        "when the host says so; the last line of the capsule tells why. When it has begun, and how it ended, is said on standard error.",
    ],
    [
      "What the data holds in fields that are called password, secret, token, authorization, cookie, credential, api_key, private_key, " +
        "access_key and the like is hashed with a key that nobody keeps, and so are all marks. Everything else stands in the capsule as it " +
        "is, lines of text among it: look at it before you give it away, or use --all.",
    ],
  ],
  examples: ["tidemark record deps --output deps.capsule --for 60s", "tidemark record deps --secret iban --all > deps.capsule"],
  positional: session,
  options: [output, overwrite, forTime, secret, all, url, workspace],
  run,
}

async function run(args: Args): Promise<number> {
  const wish = wishOf(args)
  const at = sessionOf(args)
  await asking(args, () => getSession(at))
  const to = openCapsule(args.get(output), args.get(overwrite))
  const [stop, cut] = [new AbortController(), new AbortController()]
  const ending = listenForEnding(stop, "ended at once: the capsule has no last line")
  stop.signal.addEventListener("abort", () => void endAtHost(at).catch(() => cut.abort()))
  const progress = new Progress()
  const where = args.get(output) === undefined ? "" : ` to ${args.get(output)}`
  const lines = new Lines()
  try {
    await asking(args, async () => {
      const answer = await begin(args, at, wish, cut.signal)
      progress.say(`recording ${args.positional}${where}; Ctrl-C ends it`)
      for await (const chunk of answer) {
        const whole = lines.take(Buffer.from(chunk))
        if (whole !== "") await to.write(whole)
        progress.show(`${counted(lines.calls, "call", "calls")} of ${args.positional} recorded`)
      }
    })
  } catch (error) {
    const code = ending.code()
    if (isReaderGone(error)) return code ?? exitCodes.done.code
    if (!lines.haveBegun && code !== undefined) return code
    if (!lines.haveBegun || !isCut(error)) throw error
  } finally {
    ending.release()
    to.close()
  }
  const { calls, end } = lines
  const why = end ?? "the connection was lost, so that the capsule has no last line; it can be replayed as far as it goes"
  progress.say(`${counted(calls, "call", "calls")} of ${args.positional} recorded${where}: ${why}`)
  return ending.code() ?? (end === undefined ? exitCodes.failed.code : exitCodes.done.code)
}

interface Wish {
  readonly secrets: readonly string[]
  readonly all: boolean
  readonly forSeconds?: number
}

function wishOf(args: Args): Wish {
  const ms = args.get(forTime)
  return { secrets: args.get(secret), all: args.get(all), ...(ms === undefined ? {} : { forSeconds: Math.ceil(ms / 1000) }) }
}

/** Not with `fetch`, which gives up a body that is silent for five minutes. */
function begin(args: Args, at: SessionAddress, wish: Wish, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const target = new URL(sessionUrl(at, "record"))
    const send = target.protocol === "https:" ? requestOverTls : request
    const sent = send(target, { method: "POST", agent: false, signal, headers: { "content-type": "application/json" } }, (answer) => {
      if (answer.statusCode === 200) resolve(answer)
      else refusalOf(answer).then(reject, reject)
    })
    sent.on("error", (error) => reject(unreachable(args, error.message)))
    sent.end(JSON.stringify(wish))
  })
}

async function refusalOf(answer: IncomingMessage): Promise<ClientError> {
  let body = ""
  for await (const chunk of answer) body += String(chunk)
  const { statusCode: status = 0 } = answer
  const fields = new Map<string, unknown>(Object.entries(objectOf(body)))
  const [type, detail] = [String(fields.get("type")), String(fields.get("detail"))]
  return new ClientError(type.slice(type.lastIndexOf("/") + 1), detail, { status, retryAfterMs: undefined, problem: undefined })
}

function objectOf(body: string): object {
  const detail = "the server did not say why"
  try {
    return { detail, ...JSON.parse(body) }
  } catch {
    return { detail }
  }
}

/** The host writes the last line then. */
async function endAtHost(at: SessionAddress): Promise<void> {
  const { ok } = await fetch(sessionUrl(at, "record"), { method: "DELETE" })
  if (!ok) throw new Error("the host did not end it")
}

function isCut(error: unknown): boolean {
  return isSystemError(error) || (error instanceof Error && "code" in error && (error.code === "ABORT_ERR" || error.code === "ECONNRESET"))
}

interface CapsuleFile {
  write(text: string): Promise<void>
  close(): void
}

/** What was there is lost with the first line, and what was made for nothing is taken away. */
function openCapsule(path: string | undefined, mayOverwrite: boolean): CapsuleFile {
  if (path === undefined) return { write: writeStandardOutput, close: () => {} }
  const file = opened(path, mayOverwrite)
  let written = 0
  return {
    write: async (text) => {
      const bytes = Buffer.from(text)
      try {
        if (written === 0) ftruncateSync(file)
        writeAll(file, bytes, written)
        written += bytes.length
      } catch (error) {
        throw isSystemError(error) ? cannotWrite(path, error) : error
      }
    },
    close: () => {
      closeSync(file)
      if (written === 0 && !mayOverwrite) rmSync(path, { force: true })
    },
  }
}

/** Only its owner may read it. */
function opened(path: string, mayOverwrite: boolean): number {
  try {
    return openSync(path, mayOverwrite && existsSync(path) ? "r+" : "wx", 0o600)
  } catch (error) {
    if (isSystemError(error) && "code" in error && error.code === "EEXIST") {
      throw new CommandFailure("unusable", `${path} is there already: name another file, or give --overwrite as well`)
    }
    if (isMissing(error)) throw new CommandFailure("unusable", `${path} cannot be written: its folder is not there.`, error)
    throw isSystemError(error) ? cannotWrite(path, error) : error
  }
}

/** What came, line by line, as far as it is said to people. */
class Lines {
  readonly #splitter = new LineSplitter(Infinity)
  #others = 0
  /** Why it ended; `undefined` while it has not. */
  end: string | undefined

  /** The whole lines that `chunk` completes. */
  take(chunk: Uint8Array): string {
    const { lines } = this.#splitter.push(chunk)
    for (const line of lines) {
      this.end = endOf(line)
      if (this.end === undefined) this.#others += 1
    }
    return lines.map((line) => `${line}\n`).join("")
  }

  get haveBegun(): boolean {
    return this.#others > 0
  }

  /** The header is none. */
  get calls(): number {
    return Math.max(0, this.#others - 1)
  }
}

function endOf(line: string): string | undefined {
  return line.startsWith('{"end":') ? String(JSON.parse(line).end) : undefined
}
