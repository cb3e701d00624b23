// The table of problems, written out once more: a change of a released name shows here.

import { expect, test } from "vitest"
import { problem, problemKinds, problemName } from "./problem.ts"

test("the names and their statuses are a released contract", () => {
  const byStatus: Record<number, string[]> = {}
  for (const [name, { status }] of Object.entries(problemKinds)) (byStatus[status] ??= []).push(name)
  expect(byStatus).toEqual({
    400: [
      "cursor-malformed",
      "cursor-wrong-session",
      "cursor-unsupported-version",
      "bad-request",
      "bad-id",
      "bad-kind",
      "bad-json",
      "bad-utf8",
      "bad-key",
      "unknown-parameter",
      "unknown-field",
      "empty-batch",
    ],
    403: ["forbidden-host", "forbidden-origin"],
    404: ["not-found", "unknown-session"],
    405: ["method-not-allowed"],
    409: ["key-conflict", "key-expired", "session-closed", "settings-conflict", "recording-conflict", "since-conflict"],
    412: ["expectation-failed"],
    413: ["too-large"],
    415: ["unsupported-media-type"],
    429: ["too-many-requests", "limit-reached"],
    431: ["header-too-large"],
    500: ["internal"],
    503: ["unavailable", "outcome-unknown", "shutting-down"],
    507: ["storage-full"],
  })
})

test("a problem says its type, title and status, and what to do", () => {
  expect(problem("key-expired", "Go on after 7.", { highest: 7 })).toEqual({
    type: "https://tidemark.dev/problems/key-expired",
    title: "The producer's number is not one that can be appended",
    status: 409,
    detail: "Go on after 7.",
    highest: 7,
  })
})

test("what is added never replaces what every problem has", () => {
  expect(problem("internal", "Try again.", { status: 200, type: "x", title: "y", detail: "z" })).toEqual({
    type: "https://tidemark.dev/problems/internal",
    title: "The server failed",
    status: 500,
    detail: "Try again.",
  })
})

test("a type names a problem of the table, or none", () => {
  expect(problemName("https://tidemark.dev/problems/cursor-malformed")).toBe("cursor-malformed")
  expect(problemName("https://tidemark.dev/problems/toString")).toBe(undefined)
  expect(problemName("https://tidemark.dev/problems/")).toBe(undefined)
  expect(problemName("cursor-malformed")).toBe(undefined)
  expect(problemName("about:blank")).toBe(undefined)
})
