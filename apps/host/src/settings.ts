// What `tidemark serve` can be told, besides limits: the words of the flags, their variables and their help, and nothing
// that acts. Free of imports, so that help and completions load nothing of the host. `config.ts` reads and checks values.

/** A setting as help shows it and the command line takes it. */
export interface Setting {
  /** Without the dashes. */
  readonly flag: string
  readonly env: string
  readonly placeholder: string
  /** One line. */
  readonly about: string
  /** What is in force when nothing is said; `undefined`: nothing. */
  readonly defaultText?: string
  readonly choices?: readonly string[]
  readonly repeated?: true
}

interface Row {
  readonly placeholder: string
  readonly about: string
  readonly default?: string
  readonly choices?: readonly string[]
}

/** By flag. `TIDEMARK_<FLAG>` says the same. */
export const settingTable = {
  host: { placeholder: "ADDRESS", default: "127.0.0.1", about: "address to listen on; loopback, as long as there is no authentication" },
  port: { placeholder: "PORT", default: "4477", about: "port to listen on; 0 takes any free one" },
  log: { placeholder: "LOG", default: "sqlite", choices: ["sqlite", "memory", "disabled"], about: "where sessions live; disabled keeps no history" },
  "data-dir": { placeholder: "DIR", default: "./.tidemark", about: "folder of the SQLite log; made if it is not there" },
  durability: { placeholder: "LEVEL", default: "full", choices: ["full", "normal"], about: "what is acknowledged survives a power cut; normal: a kill" },
  auth: { placeholder: "KIND", default: "none", choices: ["none"], about: "none: everyone who can reach the address may do everything" },
  "allowed-hosts": { placeholder: "HOST,…", about: "further names in the Host header to answer to" },
  "cors-origins": { placeholder: "ORIGIN,…", about: "origins of pages that may call; * lets any in" },
  "log-format": { placeholder: "FORMAT", default: "pretty", choices: ["pretty", "json"], about: "how the host writes its own log" },
} as const satisfies Record<string, Row>

export type SettingName = keyof typeof settingTable

/** Every flag of `serve`, the limits' `--limit` included. */
export const settings: readonly Setting[] = [
  ...Object.entries<Row>(settingTable).map(([flag, { default: defaultText, ...row }]) => ({
    ...row,
    flag,
    env: variable(flag),
    ...(defaultText === undefined ? {} : { defaultText }),
  })),
  {
    flag: "limit",
    env: "TIDEMARK_LIMIT_<NAME>",
    placeholder: "NAME=VALUE",
    about: "one of the limits that `tidemark config` lists: --limit event-bytes=1MiB --limit heartbeat=5s",
    repeated: true,
  },
]

/** `log-format` → `TIDEMARK_LOG_FORMAT`. */
export function variable(name: string): string {
  return `TIDEMARK_${name.toUpperCase().replaceAll("-", "_")}`
}
