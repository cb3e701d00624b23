// Commands that work on a data directory, without a host. The log is loaded when one of them runs, and only then.

import { parseSessionName, type SessionName } from "@tidemark/kernel"
import { settingTable, variable } from "../settings.ts"
import { CommandFailure, usage } from "./exit.ts"
import { text, textOr, type Args } from "./option.ts"
import { workspace } from "./target.ts"

const named = { name: "data-dir", placeholder: "DIR" }

/** Where a command that always means a directory finds it. */
export const dataDir = textOr(settingTable["data-dir"].default, {
  ...named,
  env: variable("data-dir"),
  about: "the folder that `serve` was told to keep its sessions in",
})

/** Where a command that means a host, as a rule, is told to do without: never taken from the environment. */
export const insteadOfHost = text({ ...named, about: "work on this data directory, and not through a host" })

/** The session a command means in a directory; without authentication the workspace is `default`, as the host's is. */
export function nameIn(args: Args): SessionName {
  const name = parseSessionName(args.get(workspace) ?? "default", args.positional)
  if (name === undefined) throw usage(`${JSON.stringify(args.positional)} names no session: an id is 1–128 characters of A–Z a–z 0–9 . _ ~ : -`)
  return name
}

/** What the log refuses is the user's to mend. */
export async function refusing<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  const { DataRefused } = await import("@tidemark/log-sqlite")
  try {
    return await work()
  } catch (error) {
    throw error instanceof DataRefused ? new CommandFailure("unusable", error.message, error) : error
  }
}
