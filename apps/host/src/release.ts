// Which release this is, as package.json says: the one place that knows, for `--version`, for `/v1/stats` and for the
// description at `/openapi.json`.

import { readFileSync } from "node:fs"

/** `0.1.0`. */
export function releaseVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  const named = typeof manifest === "object" && manifest !== null && "version" in manifest
  if (!named || typeof manifest.version !== "string") throw new Error("package.json names no version")
  return manifest.version
}
