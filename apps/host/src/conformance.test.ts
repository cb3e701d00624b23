// The laws of a server, on this one: the default limits, the memory log, real sockets. Or on one that runs already:
//
//   TIDEMARK_URL=http://127.0.0.1:4477 npx vitest run --project host src/conformance

import { describeServer } from "@tidemark/conformance"
import { afterAll, expect } from "vitest"
import { startHost } from "./host-under-test.testing.ts"

const running = process.env["TIDEMARK_URL"]
const host = running === undefined ? await startHost() : undefined

afterAll(async () => {
  await host?.stop()
  expect(host?.fatal ?? []).toEqual([])
})

describeServer({ baseUrl: running ?? host?.url ?? "" })
