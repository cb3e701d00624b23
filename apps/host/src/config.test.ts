import { describe, expect, test } from "vitest"
import { limitsWith, readConfig, type ConfigOutcome } from "./config.ts"
import { formatLimit, limitNames, limitTable, parseLimit } from "./limits.ts"
import { settings } from "./settings.ts"

function given(...flags: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, readonly string[]>()
  for (const flag of flags) {
    const [name = "", ...value] = flag.split("=")
    map.set(name, [...(map.get(name) ?? []), value.join("=")])
  }
  return map
}

function refusals(outcome: ConfigOutcome): readonly string[] {
  return outcome.type === "refused" ? outcome.because : []
}

describe("what is in force", () => {
  test("a flag wins over its variable, and a variable over the default; each says where it came from", () => {
    const env = { TIDEMARK_PORT: "2", TIDEMARK_LOG_FORMAT: "json", TIDEMARK_LIMIT_RETRY: "1s" }
    const outcome = readConfig(given("port=1", "limit=heartbeat=5s"), env)
    if (outcome.type === "refused") throw new Error(outcome.because.join())
    expect([outcome.config.port, outcome.config.logFormat, outcome.config.host]).toEqual([1, "json", "127.0.0.1"])
    expect([outcome.config.limits.heartbeat, outcome.config.limits.retry, outcome.config.limits["read-events"]]).toEqual([5000, 1000, 256])
    const from = new Map([...outcome.settings, ...outcome.limits].map((line) => [line.name, line.from]))
    expect(["port", "log-format", "host", "heartbeat", "retry"].map((name) => from.get(name))).toEqual([
      "--port",
      "TIDEMARK_LOG_FORMAT",
      "default",
      "--limit heartbeat",
      "TIDEMARK_LIMIT_RETRY",
    ])
  })

  test("lists are comma separated", () => {
    const outcome = readConfig(given("allowed-hosts=Example.org, a.b:8080", "cors-origins=https://a.b,http://c:1"), {})
    expect(outcome).toMatchObject({ config: { allowedHosts: ["example.org", "a.b:8080"], corsOrigins: ["https://a.b", "http://c:1"] } })
  })

  test("the variables of client commands mean nothing to serve and do not stop it", () => {
    expect(readConfig(given(), { TIDEMARK_URL: "http://x", TIDEMARK_TOKEN: "t", PATH: "/bin" }).type).toBe("config")
  })

  test("every setting has a variable of its name", () => {
    expect(settings.map(({ flag, env }) => [flag, env]).filter(([flag]) => flag === "data-dir" || flag === "limit")).toEqual([
      ["data-dir", "TIDEMARK_DATA_DIR"],
      ["limit", "TIDEMARK_LIMIT_<NAME>"],
    ])
  })
})

describe("what cannot work is refused, with a sentence", () => {
  const open = "can be reached from other machines, and this release has no authentication: listen on 127.0.0.1"
  const later = "is for something that is not in this release; leave it out"
  const origins = "--cors-origins names origins as a browser sends them, `https://example.org` (no path, lower case), or *"
  const tooLarge = "limit event-bytes is above limit body-bytes: no event of that size could be posted; lower the one or raise the other"

  test.each([
    [given("log=redis"), {}, "--log redis is not in this release; use sqlite, memory or disabled"],
    [given(), { TIDEMARK_LOG: "redis" }, "TIDEMARK_LOG redis is not in this release; use sqlite, memory or disabled"],
    [given("log=tape"), {}, '--log is sqlite or memory or disabled, not "tape"'],
    [given("port=65536"), {}, '--port is a port from 0 to 65535, not "65536"'],
    [given("port="), {}, "--port is empty: give it a value or leave it out"],
    [given("port=1", "port=2"), {}, "--port is given 2 times; give it once"],
    [given("host=0.0.0.0"), {}, `--host 0.0.0.0 ${open}`],
    [given("host=::"), {}, `--host :: ${open}`],
    [given("auth=jwt"), {}, '--auth is none, not "jwt"'],
    [given("allowed-hosts=a b"), {}, '--allowed-hosts names hosts as in `example.org` or `example.org:8080`, not "a b"'],
    [given("cors-origins=https://a.b/"), {}, `${origins}, not "https://a.b/"`],
    [given(), { TIDEMARK_PROT: "1" }, "TIDEMARK_PROT is no setting; unset it, or see `tidemark config` for the ones there are"],
    [given(), { TIDEMARK_REDIS_URL: "redis://x" }, "TIDEMARK_REDIS_URL is for something that is not in this release; unset it"],
    [given(), { TIDEMARK_LIMIT_X: "1s" }, 'TIDEMARK_LIMIT_X: there is no limit "x"; see `tidemark config` for the ones there are'],
    [given("limit=presence-lease=1s"), {}, `--limit presence-lease=1s: limit presence-lease ${later}`],
    [given("limit=heartbeat"), {}, "--limit heartbeat is not of the form NAME=VALUE"],
    [given("limit=heartbeat=1s", "limit=heartbeat=2s"), {}, "--limit heartbeat is given twice; give it once"],
    [given("limit=heartbeat=15"), {}, '--limit heartbeat is a time such as 500ms, 15s, 10min, 2h or 7d, not "15"'],
    [given("limit=heartbeat=1h"), {}, "--limit heartbeat works from 50ms to 10min, not with 1h"],
    [given("limit=event-bytes=5MiB"), {}, tooLarge],
  ])("%o %o", (flags, env, sentence) => {
    expect(refusals(readConfig(flags, env))).toEqual([sentence])
  })

  test("all of it is said at once", () => {
    expect(refusals(readConfig(given("port=x", "log=y"), { TIDEMARK_Z: "1" })).length).toBe(3)
  })
})

describe("limits", () => {
  test.each([
    ["event-bytes", "65536", 65_536],
    ["event-bytes", "64KiB", 65_536],
    ["event-bytes", "1.5MiB", 1_572_864],
    ["heartbeat", "500ms", 500],
    ["max-age", "2h", 7_200_000],
    ["key-age", "7d", 604_800_000],
    ["retention-events", "none", undefined],
  ] as const)("%s=%s", (name, text, value) => {
    expect(parseLimit(name, text)).toEqual({ type: "value", value })
  })

  test.each(["-1", "1e3", "0x10", "1_000", " 1", "1 KiB", "constructor", "", "1KB", "NaN"])("%j is no size", (text) => {
    expect(parseLimit("event-bytes", text).type).toBe("refused")
  })

  test("a limit that must be cannot be none", () => {
    expect(parseLimit("heartbeat", "none").type).toBe("refused")
  })

  test("every default is one that could be set, and is written so that it reads back", () => {
    for (const name of limitNames) {
      const { unit, default: value } = limitTable[name]
      expect(parseLimit(name, formatLimit(unit, value))).toEqual({ type: "value", value })
    }
  })

  test("defaults are written as an operator would", () => {
    const written = [formatLimit("ms", 900_000), formatLimit("bytes", 262_144), formatLimit("count", 2048), formatLimit("ms", 1500)]
    expect(written).toEqual(["15min", "256KiB", "2048", "1500ms"])
  })

  test("the defaults work together", () => {
    expect(readConfig(given(), {})).toMatchObject({ type: "config", config: { limits: limitsWith({}) } })
  })
})
