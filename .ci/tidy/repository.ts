// The repository as the tidy tests see it: what git tracks or would track, so that a file is judged before it is
// committed, and nothing that is ignored is ever read. Paths are relative to the root, with forward slashes.

import { execFileSync } from "node:child_process"
import { existsSync, lstatSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

/** Every file of the work tree that is not ignored, sorted. */
export const files: readonly string[] = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root })
  .toString("utf8")
  .split("\0")
  .filter((path) => path !== "" && lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true)
  .sort()

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8")
}

export function exists(path: string): boolean {
  return existsSync(join(root, path))
}

/** TypeScript and JavaScript that we wrote: packages, apps and the checks themselves. */
export const sources: readonly string[] = files.filter((path) => /^(packages\/|apps\/|\.ci\/).*\.[cm]?[jt]s$/.test(path))

/** Files that are read as text: all but pictures and the like. */
export const texts: readonly string[] = files.filter((path) => !/\.(png|jpe?g|gif|ico|woff2?|wasm|gz|db)$/.test(path))

/** A test, or what only tests use (`world.testing.ts`). */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith(".testing.ts")
}

/** `packages/kernel`, `apps/host`, …: every folder that npm knows as a workspace. */
export const workspaces: readonly string[] = files
  .map((path) => /^((?:packages|apps)\/[^/]+)\/package\.json$/.exec(path)?.[1])
  .filter((path) => path !== undefined)

/** The file another package gets when it imports this one by its name: `src/kernel.ts` of packages/kernel. */
export function isEntry(path: string): boolean {
  return /^packages\/([^/]+)\/src\/\1\.ts$/.test(path)
}

/** Where `pattern` (global) is found in any of `paths`, as `path:line  the match`. */
export function occurrences(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, i) => [...line.matchAll(pattern)].map((match) => `${path}:${i + 1}  ${match[0].trim()}`)),
  )
}
