// One process at a time on a file. The lock is a listening socket with a name made from the file's path: the system
// takes it back when its owner dies, however it dies, so that `kill -9` never leaves a lock behind, and a process number
// that was given out again never looks like the owner. (A lock file with a number in it fails at both, in containers
// above all, where the next process often has the same number.) It holds within one machine, not over a network disk.

import { createHash } from "node:crypto"
import { unlinkSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { realPath } from "./cursor-file.ts"
import { CommandFailure } from "./exit.ts"

/** Resolves once this process alone has `path`, until it ends. Throws an `unusable` failure when another one has it. */
export async function lockFile(path: string): Promise<void> {
  const name = lockName(realPath(path))
  if (await listen(name)) return
  if (isFile && !(await answers(name))) {
    unlinkSync(name)
    if (await listen(name)) return
  }
  throw new CommandFailure("unusable", `another tidemark is writing ${path}. End it, or name another file.`)
}

/** Linux and Windows have names that vanish with their owner; elsewhere the socket is a file and may be left over. */
const isFile = process.platform !== "linux" && process.platform !== "win32"

function lockName(path: string): string {
  const name = `tidemark-${createHash("sha256").update(path).digest("hex").slice(0, 32)}`
  if (process.platform === "linux") return `\0${name}`
  return process.platform === "win32" ? `\\\\?\\pipe\\${name}` : join(tmpdir(), `${name}.lock`)
}

/** `false`: the name is taken. */
function listen(name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once("error", (error) => ("code" in error && error.code === "EADDRINUSE" ? resolve(false) : reject(error)))
    server.listen(name, () => resolve(true)).unref()
  })
}

/** Whether somebody listens there. */
function answers(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(name, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
