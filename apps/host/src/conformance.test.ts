// The laws of a server, on this one: the default limits, real sockets, the memory log and the SQLite log. Or on one that
// runs already:
//
//   TIDEMARK_URL=http://127.0.0.1:4477 npx vitest run --project host src/conformance

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describeServer } from "@tidemark/conformance"
import { afterAll, describe, expect } from "vitest"
import { startHost } from "./host-under-test.testing.ts"

const running = process.env["TIDEMARK_URL"]
const dataDir = mkdtempSync(join(tmpdir(), "tidemark-conformance-"))
const hosts = running === undefined ? [await startHost(), await startHost({ log: "sqlite", dataDir })] : []

afterAll(async () => {
  for (const host of hosts) {
    await host.stop()
    expect(host.fatal).toEqual([])
  }
  rmSync(dataDir, { recursive: true, force: true })
})

const servers: [log: string, url: string][] = running === undefined ? hosts.map(({ url, parts }) => [parts.config.log, url]) : [["its own", running]]

describe.each(servers)("log: %s", (_log, url) => {
  describeServer({ baseUrl: url })
})
