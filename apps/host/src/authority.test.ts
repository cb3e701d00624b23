import { describe, expect, test } from "vitest"
import { answersTo, isLoopbackAddress, isLoopbackName, originOf, parseAuthority } from "./authority.ts"

describe("Host", () => {
  test.each([
    ["localhost:4477", { host: "localhost", port: "4477" }],
    ["LOCALHOST", { host: "localhost", port: undefined }],
    ["[::1]:80", { host: "[::1]", port: "80" }],
    ["example.org.", undefined],
    ["a b", undefined],
    ["user@host", undefined],
    ["host/path", undefined],
    ["host:port", undefined],
    ["", undefined],
  ])("%j", (text, authority) => {
    expect(parseAuthority(text)).toEqual(authority)
  })

  const answers = (host: string): boolean => {
    const authority = parseAuthority(host)
    return authority !== undefined && answersTo(authority, "127.0.0.9", ["proxy.example", "only.example:8443"])
  }

  const ours = ["localhost", "localhost:1", "127.0.0.1:2", "[::1]:3", "127.0.0.9:4", "proxy.example:5", "only.example:8443"]

  test.each(ours)("%s is answered", (host) => {
    expect(answers(host)).toBe(true)
  })

  const others = ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "only.example", "only.example:1", "0.0.0.0", "127.0.0.2"]

  test.each(others)("%s is not", (host) => {
    expect(answers(host)).toBe(false)
  })
})

describe("Origin", () => {
  const of = (origin: string | undefined, host: string, listed: readonly string[] = []) => {
    const authority = parseAuthority(host)
    return authority === undefined ? undefined : originOf(origin, authority, listed).type
  }

  test.each([
    [undefined, "localhost:4477", [], "same"],
    ["http://localhost:4477", "localhost:4477", [], "same"],
    ["https://localhost:4477", "localhost:4477", [], "same"],
    ["https://app.example", "app.example", [], "same"],
    ["https://app.example", "app.example:443", [], "same"],
    ["http://localhost:4478", "localhost:4477", [], "foreign"],
    ["http://127.0.0.1:4477", "localhost:4477", [], "foreign"],
    ["https://evil.example", "localhost:4477", [], "foreign"],
    ["null", "localhost:4477", [], "foreign"],
    ["", "localhost:4477", [], "foreign"],
    ["https://app.example", "localhost:4477", ["https://app.example"], "listed"],
    ["null", "localhost:4477", ["*"], "listed"],
  ])("%s at %s with %o is %s", (origin, host, listed, expected) => {
    expect(of(origin, host, listed)).toBe(expected)
  })
})

test("loopback is this machine and nothing that only looks like it", () => {
  expect(["localhost", "127.0.0.1", "127.255.0.1", "::1"].map(isLoopbackName)).toEqual([true, true, true, true])
  expect(["0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example"].map(isLoopbackName)).toEqual([false, false, false, false])
  expect(["::ffff:127.0.0.1", "::ffff:10.0.0.1", ""].map(isLoopbackAddress)).toEqual([true, false, false])
})
