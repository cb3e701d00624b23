// Where a thread of the log begins: one that writes or one that reads, as it is told. Everything that waits for the disk is
// waited for here, so that the thread which serves connections never is.

import { randomBytes } from "node:crypto"
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads"
import { receivedRequest, sentAnswer, type SentRequest } from "./crossing.ts"
import { dataPaths, freeBytes } from "./data-directory.ts"
import { durabilityOf, openForReading, openForWriting } from "./data-file.ts"
import { LogReader, type ReadRequest } from "./log-reader.ts"
import { LogWriter, type WriteRequest } from "./log-writer.ts"
import { codeOf, DataRefused, isDamage, messageOf } from "./faults.ts"
import { LogBroken } from "./transactions.ts"
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts"

if (parentPort !== null) run(workerData, parentPort)

function run(start: ThreadStart, port: MessagePort): void {
  const say = (message: FromThread): void => port.postMessage(message)
  try {
    if (start.role === "writer") write(start, port, say)
    else read(start, port, say)
  } catch (error) {
    if (!(error instanceof DataRefused)) throw error
    say({ type: "refused", message: error.message })
  }
}

function write({ directory, durability, limits, afterBreak }: ThreadStart, port: MessagePort, say: (message: FromThread) => void): void {
  const paths = dataPaths(directory)
  const { database, notices, ...opened } = openForWriting(paths, { durability, token, afterBreak })
  const free = (): number => freeBytes(paths.directory)
  const writer = new LogWriter({ ...opened, database, durability: durabilityOf(durability), limits, free, token })
  let ended = false
  let maintaining = false

  const end = (): void => {
    ended = true
    port.close()
    database.close()
    opened.commitsFile.close()
  }
  const guarded = (work: () => void): void => {
    if (ended) return
    try {
      work()
    } catch (error) {
      if (!(error instanceof LogBroken)) throw error
      const { message: detail, effect, damaged } = error
      say({ type: "broken", detail, effect, damaged })
      end()
    }
  }
  const maintain = (): void => {
    maintaining = false
    guarded(() => {
      if (writer.maintain()) maintainSoon()
    })
  }
  const maintainSoon = (): void => {
    if (maintaining) return
    maintaining = true
    setImmediate(maintain)
  }
  port.on("message", (first: ToThread) => {
    guarded(() => {
      const { requests, ids, sweepAt, isLast } = collect(first, port)
      if (requests.length > 0) {
        const answers = writer.answer(requests)
        say({ type: "answers", answers: answers.map((answer, index) => [ids[index] ?? 0, sentAnswer(answer)] as const) })
      }
      if (sweepAt !== undefined) writer.sweep(sweepAt)
      if (isLast) end()
      else maintainSoon()
    })
  })
  say({ type: "ready", notices })
  maintainSoon()
}

/** All that has arrived by now goes into one transaction. */
function collect(first: ToThread, port: MessagePort) {
  const requests: WriteRequest[] = []
  const ids: number[] = []
  let sweepAt: Extract<ToThread, { type: "sweep" }>["at"] | undefined
  let isLast = false
  for (let next: ToThread | undefined = first; next !== undefined; next = isLast ? undefined : receive(port)) {
    if (next.type === "sweep") sweepAt = next.at
    else if (next.type === "close") isLast = true
    else if (isWrite(next.request)) {
      requests.push(receivedRequest(next.request))
      ids.push(next.id)
    }
  }
  return { requests, ids, sweepAt, isLast }
}

function receive(port: MessagePort): ToThread | undefined {
  return receiveMessageOnPort(port)?.message
}

function read({ directory }: ThreadStart, port: MessagePort, say: (message: FromThread) => void): void {
  const database = openForReading(dataPaths(directory))
  const reader = new LogReader(database)
  port.on("message", (message: ToThread) => {
    if (message.type === "close") {
      port.close()
      database.close()
      return
    }
    if (message.type === "sweep" || isWrite(message.request)) return
    const { id } = message
    try {
      say({ type: "answers", answers: [[id, sentAnswer(reader.answer(message.request))]] })
    } catch (error) {
      if (codeOf(error) === "") throw error
      say({ type: "unreadable", id, detail: `${messageOf(error)} (${codeOf(error)})`, damaged: isDamage(error) })
    }
  })
  say({ type: "ready", notices: [] })
}

function isWrite(request: SentRequest | ReadRequest): request is SentRequest {
  return isWriteRequest[request.type]
}

/** By type: whether it changes the log. Complete, or it does not compile. */
const isWriteRequest: Readonly<Record<(SentRequest | ReadRequest)["type"], boolean>> = {
  ...{ append: true, create: true, delete: true, save: true, trim: true },
  ...{ head: false, open: false, range: false, list: false },
}

/** 96 bits of chance. */
function token(): string {
  return randomBytes(12).toString("base64url")
}
