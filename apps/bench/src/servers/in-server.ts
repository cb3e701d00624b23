// Loaded into every Node server before its own program (`--import`), Tidemark's host as well: on SIGUSR2 it collects garbage
// and says on standard error what is held then, and it ends the process when the bench is gone.

process.on("SIGUSR2", () => {
  // What the first one finalizes is garbage only then.
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.stderr.write(`bench-memory ${JSON.stringify({ heapUsed, external })}\n`)
})

process.stdin.on("error", () => process.exit(1))
process.stdin.on("end", () => process.exit(0))
// Listening to the bench keeps no server alive that has come to its end.
process.stdin.resume().unref()
