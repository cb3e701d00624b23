// nginx with Nchan as a column, where both are installed. Nchan numbers by time and a tag, not densely, so that its streams
// are held to the order of each publisher (`delivery-check.ts`).

import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Child } from "../machine/child.ts"
import type { ServerNeeds } from "./columns.ts"
import { Server, startMsMax } from "./server.ts"

export interface Nginx {
  readonly program: string
  /** To be loaded; `undefined` where it is compiled in. */
  readonly module: string | undefined
}

const programs = [process.env["NGINX_PROGRAM"] ?? "nginx", "/usr/sbin/nginx"]

/** `NGINX_PROGRAM` names a program that is not on the PATH, `NCHAN_MODULE` a module that is not where nginx looks. */
export function findNchan(): Nginx | undefined {
  for (const program of programs) {
    const { status, stderr } = spawnSync(program, ["-V"], { encoding: "utf8" })
    if (status !== 0) continue
    if (stderr.includes("nchan")) return { program, module: undefined }
    const folder = /--modules-path=(\S+)/.exec(stderr)?.[1] ?? "/usr/lib/nginx/modules"
    const module = process.env["NCHAN_MODULE"] ?? join(folder, "ngx_nchan_module.so")
    if (existsSync(module)) return { program, module }
  }
  return undefined
}

export async function startNchan({ program, module }: Nginx, { cpus, directory }: ServerNeeds): Promise<Server> {
  const port = await freePort()
  const folder = join(directory, "nginx")
  mkdirSync(join(folder, "logs"), { recursive: true })
  const file = join(folder, "nginx.conf")
  writeFileSync(file, configuration(port, module, folder))
  const child = new Child(["-p", folder, "-c", file, "-e", "stderr"], { cpus, command: program })
  const url = `http://127.0.0.1:${port}`
  const until = Date.now() + startMsMax
  while (!(await answers(url))) {
    if (Date.now() > until) {
      await child.end("SIGKILL")
      throw new Error(`nginx did not answer: ${child.stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return new Server(child, url, "unnumbered", "other")
}

/** One worker, like one Node process; buffers large enough for every scenario. */
function configuration(port: number, module: string | undefined, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name}`)
  const session = ["nchan_pubsub", "nchan_channel_id $1", "nchan_subscriber_first_message newest", "nchan_message_buffer_length 4096"]
  const server = [`listen 127.0.0.1:${port} backlog=1024`, block("location ~ ^/s/([a-z0-9-]+)$", [...session, "nchan_message_timeout 1h"])]
  const http = ["access_log off", ...temporary, "keepalive_requests 100000000", "keepalive_timeout 1h", "nchan_shared_memory_size 512M"]
  return directives([
    ...(module === undefined ? [] : [`load_module ${module}`]),
    ...["daemon off", "worker_processes 1", `pid ${folder}/pid`, "worker_rlimit_nofile 20000"],
    block("events", ["worker_connections 15000"]),
    block("http", [...http, block("server", server)]),
  ])
}

function block(name: string, inside: readonly string[]): string {
  return `${name} {\n${directives(inside)}}`
}

function directives(all: readonly string[]): string {
  return all.map((each) => `${each}${each.endsWith("}") ? "" : ";"}\n`).join("")
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).arrayBuffer()
    return true
  } catch (error) {
    // Nobody listens yet; anything else would be no failure to connect.
    if (error instanceof TypeError) return false
    throw error
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0))
    })
  })
}
