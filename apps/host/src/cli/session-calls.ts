// The commands that ask the host one thing: commit, close, trim, observe, explain, sessions. The answer goes to standard output
// as JSON: on one line for programs, indented on a terminal.

import { randomUUID } from "node:crypto"
import { close, commit, explain, listSessions, observe, trim } from "@tidemark/client"
import { parseJson } from "@tidemark/protocol"
import { CursorFile } from "./cursor-file.ts"
import { CommandFailure, exitCodes, usage } from "./exit.ts"
import { amount, flag, integer, text, type Args, type Command } from "./option.ts"
import { asking, hostOf, session, sessionOf, url, workspace } from "./target.ts"

const view = text({ name: "view", placeholder: "JSON", about: "the new view; left out, standard input is read" })
const kind = text({ name: "kind", placeholder: "KIND", about: "of the commit's event, if not committed" })
const expectRevision = integer({
  name: "expect-revision",
  placeholder: "N",
  about: "only if the session is at this revision",
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
})
const ifMatch = text({ name: "if-match", placeholder: "CURSOR", about: "only if nothing was recorded since this cursor" })
const key = text({
  name: "key",
  placeholder: "KEY",
  about: "idempotency key: the same command again gives the first answer and records nothing",
})
const reason = text({ name: "reason", placeholder: "TEXT", about: "why, for readers" })
const cursor = text({ name: "cursor", placeholder: "CURSOR", about: "the cursor" })
const cursorFile = text({ name: "cursor-file", placeholder: "FILE", about: "the cursor that a tail keeps here" })
const keepEvents = amount({ name: "keep-events", placeholder: "N", unit: "count", about: "keep the latest so many entries" })
const keepBytes = amount({ name: "keep-bytes", placeholder: "SIZE", unit: "bytes", about: "keep the latest entries of this size, say 4MiB" })
const keepAge = amount({ name: "keep-age", placeholder: "TIME", unit: "ms", about: "keep entries that are no older, say 12h or 30d" })
const json = flag({ name: "json", about: "one line of JSON for each session" })

export const commitCommand: Command = {
  name: "commit",
  summary: "Settle a session's view: the given JSON is the view from now on, and the revision goes up by one.",
  details: [["Makes the session if it is not there. Answers with the receipt: position, revision and cursor."]],
  examples: ["echo '{\"status\": \"done\"}' | tidemark commit build", "tidemark commit build --view '[1, 2]' --expect-revision 3"],
  positional: session,
  options: [view, kind, expectRevision, ifMatch, key, url, workspace],
  run: async (args) => {
    const options = appendOptions(args)
    const named = args.get(kind)
    const change = { view: parsedView(args.get(view) ?? (await readInput())), ...(named === undefined ? {} : { kind: named }) }
    return print(await asking(args, () => commit(sessionOf(args), change, options)))
  },
}

export const closeCommand: Command = {
  name: "close",
  summary: "Close a session: readers get what is there and then the end, and nothing more can be recorded.",
  details: [["Closing a session that is closed gives the first answer again."]],
  positional: session,
  options: [reason, expectRevision, ifMatch, key, url, workspace],
  run: async (args) => print(await asking(args, () => close(sessionOf(args), args.get(reason), appendOptions(args)))),
}

export const trimCommand: Command = {
  name: "trim",
  summary: "Let go of a session's oldest entries now, for good, until what is kept is within the bounds given.",
  details: [
    [
      "View, positions, keys and close stay as they are; a cursor from before what is kept gets gap `trimmed`. Of several bounds each is " +
        "kept to. Answers with the session as it is then: `earliest` is the first position that can be read.",
    ],
  ],
  examples: ["tidemark trim deps --keep-events 10000", "tidemark trim deps --keep-age 30d --keep-bytes 64MiB"],
  positional: session,
  options: [keepEvents, keepBytes, keepAge, url, workspace],
  run: async (args) => {
    const [events, bytes, ageMs] = [args.get(keepEvents), args.get(keepBytes), args.get(keepAge)]
    const keep = {
      ...(events === undefined ? {} : { events }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(ageMs === undefined ? {} : { ageMs }),
    }
    if (Object.keys(keep).length === 0) throw usage("trim needs to be told what to keep: --keep-events, --keep-bytes or --keep-age")
    return print(await asking(args, () => trim(sessionOf(args), keep)))
  },
}

export const observeCommand: Command = {
  name: "observe",
  summary: "Print a session's observation: view, provisional part, revision and cursor, cut at one position.",
  positional: session,
  options: [url, workspace],
  run: async (args) => print(await asking(args, () => observe(sessionOf(args)))),
}

export const explainCommand: Command = {
  name: "explain",
  summary: "Say what a resume at a cursor would do, why, and how long it still can.",
  examples: ["tidemark explain deps --cursor-file deps.cursor"],
  positional: session,
  options: [cursor, cursorFile, url, workspace],
  run: async (args) => {
    const path = args.get(cursorFile)
    const given = args.get(cursor)
    if ((given === undefined) === (path === undefined)) throw usage("explain needs --cursor CURSOR or --cursor-file FILE, one of the two")
    return print(await asking(args, () => explain(sessionOf(args), given ?? savedCursor(path ?? "")), path))
  },
}

export const sessionsCommand: Command = {
  name: "sessions",
  summary: "List the sessions of a workspace, in the order of their ids.",
  options: [json, url, workspace],
  run: async (args) => {
    const at = hostOf(args)
    for (let after: string | undefined; ; ) {
      const page = await asking(args, () => listSessions(at, after === undefined ? {} : { after }))
      for (const one of page.sessions) {
        const closed = one.closed === null ? "" : `  closed: ${one.closed.reason}`
        const line = `${one.session}  positions ${one.earliest}–${one.head}  revision ${one.revision}  readers ${one.readers}${closed}`
        process.stdout.write(`${args.get(json) ? JSON.stringify(one) : line}\n`)
      }
      if (page.next === null) return exitCodes.done.code
      after = page.next
    }
  },
}

/** Without a key of the user's own, one that nobody else has: a request that the network repeats is recorded once. */
function appendOptions(args: Args) {
  const match = args.get(ifMatch)
  const revision = args.get(expectRevision)
  return {
    key: args.get(key) ?? randomUUID(),
    ...(match === undefined ? {} : { ifMatch: match }),
    ...(revision === undefined ? {} : { expectRevision: revision }),
  }
}

/** Checked here, because what `JSON.parse` changes without a word must not be committed as if it had been said. */
function parsedView(given: string) {
  const parsed = parseJson(given.trim(), { depth: 63 })
  if (parsed.type === "json") return parsed.value
  throw new CommandFailure("unusable", `the view cannot be taken as JSON, at character ${parsed.at + 1}: ${parsed.reason}`)
}

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write("tidemark: reading the view from the terminal; Ctrl-D ends it\n")
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new CommandFailure("unusable", "the view is not UTF-8")
  }
}

function savedCursor(path: string): string {
  const place = new CursorFile(path).read()
  if (place === undefined) throw new CommandFailure("unusable", `there is no ${path}: no tail has kept its place there yet`)
  if (place.cursor === null) throw new CommandFailure("unusable", `${path} holds no cursor yet: its tail has written nothing`)
  return place.cursor
}

function print(answer: object): number {
  process.stdout.write(`${JSON.stringify(answer, undefined, process.stdout.isTTY ? 2 : undefined)}\n`)
  return exitCodes.done.code
}
