// A copy of the work tree that mutants are tried in, so that nothing ever breaks the real one. Sources are copied;
// node_modules is linked package by package, with our own packages pointing into the copy: a link to the whole folder
// would lead every import of ours back to the tree that is not broken.

import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"

export class WorkCopy {
  readonly folder: string

  constructor(root: string) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "tidemark-mutants-")))
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root, maxBuffer: 64 * 1024 * 1024 })
    for (const path of listed.toString("utf8").split("\0")) {
      if (path === "" || !existsSync(join(root, path))) continue
      mkdirSync(dirname(join(this.folder, path)), { recursive: true })
      cpSync(join(root, path), join(this.folder, path))
    }
    this.#linkPackages(root, "")
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8")
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.folder, path), text)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** `scope`: empty, or `@name` of a scope's folder. */
  #linkPackages(root: string, scope: string): void {
    const from = join(root, "node_modules", scope)
    const to = join(this.folder, "node_modules", scope)
    mkdirSync(to, { recursive: true })
    for (const name of readdirSync(from)) {
      if (scope === "" && name.startsWith("@")) this.#linkPackages(root, name)
      else if (!name.startsWith(".")) symlinkSync(this.#target(root, join(from, name)), join(to, name))
    }
  }

  /** Where a package really is; for one of ours, the same place in the copy. */
  #target(root: string, path: string): string {
    const place = realpathSync(path)
    const inside = relative(realpathSync(root), place)
    const ours = !inside.startsWith("..") && !inside.startsWith("node_modules")
    return ours ? join(this.folder, inside) : place
  }
}
