// What the host was told: flags over environment over defaults, read once into one typed value. Nothing falls back: an
// unknown name, a value that cannot work and a combination that would be unsafe are refused, all of them at once, each
// with a sentence that says what to do. Pure: flags and environment are arguments.

import { contract } from "@tidemark/kernel"
import { isLoopbackName, parseAuthority } from "./authority.ts"
import { formatLimit, isLimitName, laterLimits, limitNames, limitTable, parseLimit, type LimitName, type Limits } from "./limits.ts"
import { settings, settingTable, variable, type SettingName } from "./settings.ts"

export interface HostConfig {
  /** An address or name of this machine; loopback only, as long as there is no authentication. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly dataDir: string
  readonly log: "sqlite" | "memory" | "disabled"
  readonly durability: "full" | "normal"
  readonly auth: "none"
  /** Besides loopback names and the listen address: `name` (any port) or `name:port`. */
  readonly allowedHosts: readonly string[]
  /** Origins of pages that may call; `*` lets any in, without credentials. */
  readonly corsOrigins: readonly string[]
  readonly logFormat: "pretty" | "json"
  readonly limits: Limits
}

/** What stood on the command line: the values of each flag, by its name without dashes. */
export type Given = ReadonlyMap<string, readonly string[]>

export type Environment = Readonly<Record<string, string | undefined>>

/** One line of `tidemark config`. */
export interface InForce {
  readonly name: string
  /** As it would be written in a flag. */
  readonly value: string
  /** `default`, `--port`, `TIDEMARK_PORT`, … */
  readonly from: string
  readonly about: string
}

export type ConfigOutcome =
  | { readonly type: "config"; readonly config: HostConfig; readonly settings: readonly InForce[]; readonly limits: readonly InForce[] }
  /** Each a sentence for the operator. */
  | { readonly type: "refused"; readonly because: readonly string[] }

/** Variables of the client commands, which find the host by them; they mean nothing to `serve` and do not stop it. */
const clientVariables: ReadonlySet<string> = new Set(["TIDEMARK_URL", "TIDEMARK_TOKEN", "TIDEMARK_WORKSPACE"])

/** Settings of the design that this release does not have. */
const laterSettings: ReadonlySet<string> = new Set(["redis-url", "redis-wait-replicas", "trust-proxy"])

export function readConfig(given: Given, env: Environment): ConfigOutcome {
  const refusals = unknownVariables(env)
  const inForce: InForce[] = []
  const read = <Value>(name: SettingName, parse: (text: string) => Parsed<Value>, fallback: Value): Value => {
    const flag = given.get(name)
    if (flag !== undefined && flag.length > 1) refusals.push(`--${name} is given ${flag.length} times; give it once`)
    const said = saidBy(flag?.[0], `--${name}`, env, variable(name))
    inForce.push({ name, value: said?.text ?? String(fallback), from: said?.from ?? "default", about: settingTable[name].about })
    if (said === undefined) return fallback
    const parsed: Parsed<Value> = said.text === "" ? refuse("is empty: give it a value or leave it out") : parse(said.text)
    if (parsed.type === "value") return parsed.value
    refusals.push(`${said.from} ${parsed.because}`)
    return fallback
  }
  const { limits, limitsInForce } = readLimits(given.get("limit") ?? [], env, refusals)
  const config: HostConfig = {
    host: read("host", parseHost, settingTable.host.default),
    port: read("port", parsePort, Number(settingTable.port.default)),
    log: read("log", parseLog, settingTable.log.default),
    dataDir: read("data-dir", accept, settingTable["data-dir"].default),
    durability: read("durability", oneOf(settingTable.durability.choices), settingTable.durability.default),
    auth: read("auth", oneOf(settingTable.auth.choices), settingTable.auth.default),
    allowedHosts: read("allowed-hosts", listOf(parseAllowedHost), []),
    corsOrigins: read("cors-origins", listOf(parseOrigin), []),
    logFormat: read("log-format", oneOf(settingTable["log-format"].choices), settingTable["log-format"].default),
    limits,
  }
  refusals.push(...impossible(limits))
  if (refusals.length > 0) return { type: "refused", because: refusals }
  return { type: "config", config, settings: inForce, limits: limitsInForce }
}

/** The defaults, with these limits instead of theirs: for tests and embedding, where nobody says anything. */
export function limitsWith(instead: Partial<Limits>): Limits {
  const { limits } = readLimits([], {}, [])
  return { ...limits, ...instead }
}

type Parsed<Value> = { readonly type: "value"; readonly value: Value } | { readonly type: "refused"; readonly because: string }

function readLimits(flags: readonly string[], env: Environment, refusals: string[]) {
  const values = new Map<string, string>()
  for (const flag of flags) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(flag) ?? []
    if (name === undefined || value === undefined) refusals.push(`--limit ${flag} is not of the form NAME=VALUE`)
    else if (!isLimitName(name)) refusals.push(unknownLimit(`--limit ${flag}`, name))
    else if (values.has(name)) refusals.push(`--limit ${name} is given twice; give it once`)
    else values.set(name, value)
  }
  const limitsInForce: InForce[] = []
  const read = (name: LimitName): number | undefined => {
    const { unit, default: fallback, doc } = limitTable[name]
    const said = saidBy(values.get(name), `--limit ${name}`, env, variable(`limit-${name}`))
    const parsed = said === undefined ? undefined : parseLimit(name, said.text)
    if (parsed?.type === "refused") refusals.push(`${said?.from} ${parsed.because}`)
    const value = parsed?.type === "value" ? parsed.value : fallback
    limitsInForce.push({ name, value: formatLimit(unit, value), from: said?.from ?? "default", about: doc })
    return value
  }
  const limits: Partial<Record<LimitName, number | undefined>> = Object.fromEntries(limitNames.map((name) => [name, read(name)]))
  contract(isComplete(limits), "every limit was read")
  return { limits, limitsInForce }
}

/** Limits that are each possible, and together are not. */
function impossible(limits: Limits): string[] {
  const orders: readonly (readonly [LimitName, LimitName, string])[] = [
    ["event-bytes", "body-bytes", "no event of that size could be posted"],
    ["header-time", "request-time", "no request could take that long for its headers"],
    ["heartbeat", "max-age", "no heartbeat would ever be sent"],
  ]
  return orders.flatMap(([small, large, because]) => {
    const [least, most] = [limits[small] ?? 0, limits[large] ?? Infinity]
    return least <= most ? [] : [`limit ${small} is above limit ${large}: ${because}; lower the one or raise the other`]
  })
}

function unknownVariables(env: Environment): string[] {
  const limitVariables = limitNames.map((name) => variable(`limit-${name}`))
  const known = new Set([...settings.map((setting) => setting.env), ...limitVariables, ...clientVariables])
  return Object.keys(env)
    .filter((name) => name.startsWith("TIDEMARK_") && env[name] !== undefined && !known.has(name))
    .map((name) => {
      const setting = name.slice("TIDEMARK_".length).toLowerCase().replaceAll("_", "-")
      if (setting.startsWith("limit-")) return unknownLimit(name, setting.slice("limit-".length))
      if (laterSettings.has(setting)) return `${name} is for something that is not in this release; unset it`
      return `${name} is no setting; unset it, or see \`tidemark config\` for the ones there are`
    })
}

function unknownLimit(said: string, name: string): string {
  return laterLimits.has(name)
    ? `${said}: limit ${name} is for something that is not in this release; leave it out`
    : `${said}: there is no limit ${JSON.stringify(name)}; see \`tidemark config\` for the ones there are`
}

function saidBy(flag: string | undefined, flagName: string, env: Environment, variableName: string) {
  if (flag !== undefined) return { text: flag, from: flagName }
  const text = env[variableName]
  return text === undefined ? undefined : { text, from: variableName }
}

function accept(text: string): Parsed<string> {
  return { type: "value", value: text }
}

function refuse(because: string): Parsed<never> {
  return { type: "refused", because }
}

function oneOf<Value extends string>(values: readonly Value[]): (text: string) => Parsed<Value> {
  return (text) => {
    const value = values.find((each) => each === text)
    return value === undefined ? refuse(`is ${values.join(" or ")}, not ${JSON.stringify(text)}`) : { type: "value", value }
  }
}

function listOf(parse: (text: string) => Parsed<string>): (text: string) => Parsed<readonly string[]> {
  return (text) => {
    const values: string[] = []
    for (const item of text.split(",")) {
      const parsed = parse(item.trim())
      if (parsed.type === "refused") return parsed
      values.push(parsed.value)
    }
    return { type: "value", value: values }
  }
}

function parseLog(text: string): Parsed<HostConfig["log"]> {
  if (text === "redis") return refuse("redis is not in this release; use sqlite, memory or disabled")
  return oneOf(settingTable.log.choices)(text)
}

function parseHost(text: string): Parsed<string> {
  const name = text.replace(/^\[(.*)\]$/, "$1")
  if (isLoopbackName(name)) return { type: "value", value: name }
  return refuse(`${text} can be reached from other machines, and this release has no authentication: listen on 127.0.0.1`)
}

function parsePort(text: string): Parsed<number> {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Infinity
  return port <= 65_535 ? { type: "value", value: port } : refuse(`is a port from 0 to 65535, not ${JSON.stringify(text)}`)
}

function parseAllowedHost(text: string): Parsed<string> {
  if (parseAuthority(text) !== undefined) return { type: "value", value: text.toLowerCase() }
  return refuse(`names hosts as in \`example.org\` or \`example.org:8080\`, not ${JSON.stringify(text)}`)
}

function parseOrigin(text: string): Parsed<string> {
  if (text === "*" || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text)) return { type: "value", value: text }
  return refuse(`names origins as a browser sends them, \`https://example.org\` (no path, lower case), or *, not ${JSON.stringify(text)}`)
}

function isComplete(limits: Partial<Record<LimitName, number | undefined>>): limits is Limits {
  return limitNames.every((name) => Object.hasOwn(limits, name))
}
