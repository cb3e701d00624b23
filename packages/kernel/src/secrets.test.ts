import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { contentHash } from "./hash.ts"
import { mark } from "./ids.ts"
import { utf8Bytes, type Json } from "./json.ts"
import { Secrets } from "./secrets.ts"

const keyed = (key: string) => (text: string) => contentHash(`${key} ${text}`)
const secrets = new Secrets({ hash: keyed("a") })
const all = new Secrets({ hash: keyed("a"), all: true })

describe("which fields hold secrets", () => {
  test.each([
    ...["password", "Password", "PASSWD", "dbPassword", "db-password", "db_passwords", "password2", "apiKey", "API-Key", "apikey", "APIKey"],
    ...["x-api-key", "access_token", "tokens", "Set-Cookie", "private key", "clientSecret", "Authorization", "credentials", "s3.accessKey"],
    ...["API_KEYs", "PASSWORDs", "userTOKENs", "ToKeNs", "OTPs", "\u{ff50}assword", "\u{17f}ecret"],
  ])("%s does", (name) => {
    expect(secrets.isSecret(name)).toBe(true)
  })

  test.each(["text", "key", "tokenizer", "secretary", "passwordless", "keyPath", "api", "author", ""])("%j does not", (name) => {
    expect(secrets.isSecret(name)).toBe(false)
  })

  test("a name of very many words is looked at in no more than its length", () => {
    const words = "a ".repeat(200_000)
    expect([secrets.isSecret(words), secrets.isSecret(`${words}token`)]).toEqual([false, true])
  })

  test("names that are given count like the others", () => {
    const more = new Secrets({ hash: keyed("a"), names: ["card_number"] })
    expect([more.isSecret("cardNumber"), more.isSecret("CARD-NUMBERS"), more.isSecret("number"), more.isSecret("token")]).toEqual([true, true, false, true])
  })
})

describe("what stands in their place", () => {
  test("everything below such a field is hashed, and nothing beside it", () => {
    const data = { user: "ada", password: "hunter2", auth: { token: { kind: "x", n: 42, on: true, no: null, list: ["p", 7.5] } } }
    const hashed = JSON.parse(JSON.stringify(secrets.hashed(data)))
    expect([hashed.user, hashed.auth.token.on, hashed.auth.token.no]).toEqual(["ada", true, null])
    expect(hashed.password).toMatch(/^[0-9a-f]{7}$/)
    expect(hashed.auth.token.kind).toMatch(/^[0-9a-f]$/)
    expect(String(hashed.auth.token.n)).toMatch(/^[0-9]{2}$/)
    expect(JSON.stringify(hashed.auth.token.list)).toMatch(/^\["[0-9a-f]",[0-9]{3}\]$/)
  })

  test("data without a secret is the very same value", () => {
    const data = { a: [1, { b: "c" }], d: null }
    expect(secrets.hashed(data)).toBe(data)
  })

  test("equal secrets stay equal, others do not, and another key gives others", () => {
    const of = (key: string, secret: Json) => new Secrets({ hash: keyed(key) }).hashed({ secret })
    expect(of("a", "hunter2")).toEqual(of("a", "hunter2"))
    expect(of("a", "hunter2")).not.toEqual(of("a", "hunter3"))
    expect(of("a", "hunter2")).not.toEqual(of("b", "hunter2"))
  })

  test("with `all` every text and number is one, whatever its field is called", () => {
    expect(JSON.stringify(all.hashed(["plain", { n: 12, yes: true }]))).toMatch(/^\["[0-9a-f]{5}",\{"n":[0-9]{2},"yes":true\}\]$/)
  })

  test("JSON is as long as it was, to the byte, and hashing twice changes no length", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value)
        const hashed = all.hashed(JSON.parse(json))
        expect(utf8Bytes(JSON.stringify(hashed))).toBe(utf8Bytes(json))
        expect(JSON.parse(JSON.stringify(hashed))).toEqual(hashed)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([0, 5, -5, 1e21, 5e-324, -1.7976931348623157e308, 1.7976931348623157e308, -0.0000012345678901234567, 0.1 + 0.2, 9007199254740991])(
    "%d becomes a number of as many characters",
    (number) => {
      const hashed = all.hashed(number)
      expect([typeof hashed, JSON.stringify(hashed).length]).toEqual(["number", JSON.stringify(number).length])
    },
  )

  test("the mark of an entry is told by none of its own bits, and that of the beginning stays", () => {
    expect(secrets.mark(mark(0))).toBe(0)
    expect(secrets.mark(mark(1))).toBe(secrets.mark(mark(1)))
    expect(secrets.mark(mark(1))).not.toBe(secrets.mark(mark(2)))
    expect(secrets.mark(mark(1))).not.toBe(1)
  })
})
