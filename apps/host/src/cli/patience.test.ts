import { ClientError } from "@tidemark/client"
import { describe, expect, test } from "vitest"
import { Patience } from "./patience.ts"
import { Progress } from "./progress.ts"

/** Fails with these, one after the other, and then answers. */
function failing(...failures: readonly Error[]) {
  const left = [...failures]
  let asked = 0
  const ask = async (): Promise<string> => {
    asked += 1
    const failure = left.shift()
    if (failure !== undefined) throw failure
    return "answer"
  }
  return { ask, asked: () => asked }
}

const away = new ClientError("unreachable", "nobody answered")
const status = (code: number) => new ClientError("x", `status ${code}`, { status: code, retryAfterMs: undefined, problem: undefined })
const patience = (ms?: number, signal = new AbortController().signal) => new Patience(new Progress(), signal, ms)

describe("a host that may be away", () => {
  test("is asked again until it answers", async () => {
    const { ask, asked } = failing(away)
    expect([await patience().ask(ask), asked()]).toEqual(["answer", 2])
  })

  test("is asked once for what waiting does not mend", async () => {
    for (const final of [status(400), status(404), status(409), status(507), new Error("a bug")]) {
      const { ask, asked } = failing(final)
      await expect(patience().ask(ask)).rejects.toBe(final)
      expect(asked()).toBe(1)
    }
  })

  test("is given up after a while, with what it said last", async () => {
    for (const last of [away, status(429), status(503)]) {
      const { ask, asked } = failing(last)
      await expect(patience(0).ask(ask)).rejects.toBe(last)
      expect(asked()).toBe(1)
    }
  })

  test("is not waited for by whoever was told to end", async () => {
    const { ask } = failing(away)
    await expect(patience(60_000, AbortSignal.abort()).ask(ask)).rejects.toMatchObject({ name: "AbortError" })
  })
})
