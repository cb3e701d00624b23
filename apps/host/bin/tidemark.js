#!/usr/bin/env node
// Committed, because npm links a workspace's bin at install time, before anything was built.
import { existsSync } from "node:fs"

const main = new URL("../dist/main.js", import.meta.url)
if (!existsSync(main)) {
  console.error("tidemark is not built yet. Run `npm run build` in the repository (npm start does it for you).")
  process.exit(1)
}
await import(main.href)
