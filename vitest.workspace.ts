// One project per package and app, and `tidy` for the repository itself. Tests run against sources: the
// `@tidemark/source` condition comes first.
import { defineProject } from "vitest/config"

const conditions = ["@tidemark/source", "module", "node", "development|production"]

function project(name: string, root: string, timeoutMs = 20_000, include = "src/**/*.test.ts") {
  return defineProject({
    ssr: { resolve: { conditions } },
    test: { name, root, include: [include], benchmark: { include: [] }, testTimeout: timeoutMs },
  })
}

export default [
  project("kernel", "packages/kernel"),
  project("protocol", "packages/protocol"),
  project("driver", "packages/driver"),
  project("client", "packages/client"),
  project("conformance", "packages/conformance"),
  project("log-sqlite", "packages/log-sqlite", 60_000),
  project("sim", "packages/sim", 120_000),
  project("host", "apps/host", 60_000),
  project("examples", "apps/examples", 60_000),
  project("bench", "apps/bench", 180_000),
  project("tidy", ".ci/tidy", 60_000, "*.test.ts"),
]
