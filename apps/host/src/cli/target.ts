// Which host and session a command means, and what to tell people when it does not work out. Every failure of the client
// package ends here as an exit code and a sentence that says what to do.

import { ClientError } from "@tidemark/client"
import { CommandFailure, usage, type ExitReason } from "./exit.ts"
import { text, textOr, type Args, type Positional } from "./option.ts"

export const url = textOr("http://127.0.0.1:4477", { name: "url", placeholder: "URL", env: "TIDEMARK_URL", about: "where the host is" })
export const workspace = text({
  name: "workspace",
  placeholder: "NAME",
  env: "TIDEMARK_WORKSPACE",
  about: "the session's workspace, if not your default one",
})
export const session: Positional = { name: "session", about: "the session's id: 1–128 characters of A–Z a–z 0–9 . _ ~ : -" }

/** Where a command's host is. */
export function hostOf(args: Args): { readonly url: string; readonly workspace?: string } {
  const named = args.get(workspace)
  return { url: args.get(url), ...(named === undefined ? {} : { workspace: named }) }
}

/** What the client package is told about a command's session. */
export function sessionOf(args: Args): { readonly url: string; readonly workspace?: string; readonly session: string } {
  return { ...hostOf(args), session: args.positional }
}

/** No host answers; `because` is what the connection died of. */
export function unreachable(args: Args, because: string): CommandFailure {
  const hint = "Is it running? Start it with `npm start` (or `tidemark serve`), or say where it is with --url."
  return new CommandFailure("unreachable", `no host answers at ${args.get(url)} (${because}). ${hint}`)
}

/**
 * Runs what talks to the host, and turns what the client throws into what the command ends with. `cursorFrom` is the file
 * that a rejected cursor was read from.
 */
export async function asking<Value>(args: Args, ask: () => Promise<Value>, cursorFrom?: string): Promise<Value> {
  try {
    return await ask()
  } catch (error) {
    throw error instanceof ClientError ? failureOf(args, error, cursorFrom) : error
  }
}

function failureOf(args: Args, error: ClientError, cursorFrom: string | undefined): CommandFailure {
  if (error.code === "unreachable") return unreachable(args, error.message)
  if (error.code === "bad-options") return usage(error.message)
  const about = cursorFrom !== undefined && error.code.startsWith("cursor-") ? `${cursorFrom}, read for session ${args.positional}: ` : ""
  return new CommandFailure(reasons.get(error.code) ?? reasonOf(error.status), about + error.message, error)
}

const reasons: ReadonlyMap<string, ExitReason> = new Map([
  ["unknown-session", "unknownSession"],
  ["input-changed", "unusable"],
  ["producer-in-use", "refused"],
  ["not-tidemark", "unreachable"],
])

function reasonOf(status: number | undefined): ExitReason {
  if (status === undefined) return "failed"
  return status === 503 || status === 429 ? "unreachable" : status < 500 ? "refused" : "failed"
}
