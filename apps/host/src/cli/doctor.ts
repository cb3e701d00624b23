// `tidemark doctor`: looks a data directory over, beside a running host or without one, and begins a new epoch when told to.
// The log is loaded when it runs, so that no other command waits for it.

import type { Examination } from "@tidemark/log-sqlite"
import { systemChance } from "../clock.ts"
import { dataDir, refusing } from "./data-dir.ts"
import { exitCodes } from "./exit.ts"
import { flag, type Args, type Command } from "./option.ts"
import { counted, Progress } from "./progress.ts"

const newEpoch = flag({ name: "new-epoch", about: "believe no cursor from before: for a directory that was restored from a backup" })
const json = flag({ name: "json", about: "the report as one JSON object" })

export const doctorCommand: Command = {
  name: "doctor",
  summary: "Check a data directory: read all of it, and say what is there and what is wrong.",
  details: [
    ["Changes nothing, and may run beside a host. Exit code 0: all is well; 6: something is wrong, and the report says what."],
    [
      "With --new-epoch it writes: every cursor handed out so far gets gap `epoch` and an observation. That is for a directory which",
      "was restored as a whole, where the log itself cannot see that it went back. Refused while a host holds the directory.",
    ],
  ],
  examples: ["tidemark doctor", "tidemark doctor --data-dir /srv/tidemark --new-epoch"],
  options: [dataDir, newEpoch, json],
  run: async (args) => (args.get(newEpoch) ? begin(args) : check(args)),
}

async function check(args: Args): Promise<number> {
  const { examine } = await import("@tidemark/log-sqlite")
  const progress = new Progress()
  const read = (done: number, all: number): void => progress.show(`${done.toLocaleString("en")} of ${all.toLocaleString("en")} entries read`)
  const report = await refusing(() => examine(args.get(dataDir), read))
  process.stdout.write(args.get(json) ? `${JSON.stringify(report)}\n` : reportText(report))
  return report.problems.length === 0 ? exitCodes.done.code : exitCodes.unusable.code
}

async function begin(args: Args): Promise<number> {
  const { beginNewEpoch } = await import("@tidemark/log-sqlite")
  const begun = await refusing(() => beginNewEpoch(args.get(dataDir), () => systemChance.token()))
  const { generation, sessions, notices } = begun
  for (const notice of notices) process.stderr.write(`tidemark: ${notice}\n`)
  process.stdout.write(
    args.get(json)
      ? `${JSON.stringify(begun)}\n`
      : `generation ${generation} begins for ${counted(sessions, "session", "sessions")}: cursors from before get gap \`epoch\`\n`,
  )
  return exitCodes.done.code
}

function reportText(report: Examination): string {
  const { data, schema, generation, commits, sessions, entries, bytes, fileBytes, freeBytes, holder, problems } = report
  const verdict = problems.length === 0 ? "all is well" : `${counted(problems.length, "problem", "problems")}:`
  const lines = [
    `${data}: schema ${schema}, generation ${generation}, ${commits} commits`,
    `${counted(sessions, "session", "sessions")}, ${counted(entries, "entry", "entries")} of ${inMebibytes(bytes)} in all`,
    `the file has ${inMebibytes(fileBytes)}, ${inMebibytes(freeBytes)} of it free to be used again`,
    holder === undefined ? "no host holds the directory" : `held by process ${holder}`,
    verdict,
    ...problems.map((problem) => `  ${problem}`),
    ...(problems.length === 0 ? [] : ["Put a backup in its place and run `tidemark doctor --new-epoch`, or export what can still be read."]),
  ]
  return lines.map((line) => `${line}\n`).join("")
}

function inMebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
