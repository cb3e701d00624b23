// C beside the tests, compiled, for the dynamic linker to put before the system's own calls in a host of its own process.
// Where it cannot be compiled, tests that need it say so and are left out, but not where the gate runs.

import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const compiler = ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"]).status === 0)

export const canPreload = process.platform === "linux" && compiler !== undefined

if (!canPreload) {
  const sentence = "disk faults are not tested here: that takes Linux and a C compiler (cc, gcc or clang)"
  if (process.env["CI"] !== undefined) throw new Error(sentence)
  process.stdout.write(`${sentence}\n`)
}

/** What a host's environment must hold; `source` is beside this file, and the library goes to `folder`. */
export function preloading(source: string, folder: string): { readonly LD_PRELOAD: string } {
  const library = join(folder, source.replace(/\.testing\.c$/, ".so"))
  const path = fileURLToPath(new URL(`./${source}`, import.meta.url))
  execFileSync(compiler ?? "", ["-Wall", "-O1", "-shared", "-fPIC", "-o", library, path, "-ldl"])
  return { LD_PRELOAD: library }
}
