// What depends on what. The layering as package.json and tsconfig.json must say it (the lint rules keep the
// same table over the imports), and a lock file that installs on every platform without naming where it was written.

import { describe, expect, test } from "vitest"
import { exists, read, workspaces } from "./repository.ts"

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface Lock {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, Locked>>
}

interface Locked extends Partial<Manifest> {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly optional?: boolean
}

/** What each workspace is called, and which of our packages it may depend on. One that is not here was not agreed on. */
const layering: Readonly<Record<string, { readonly name: string; readonly ours: readonly string[] }>> = {
  "packages/kernel": { name: "@tidemark/kernel", ours: [] },
  "packages/protocol": { name: "@tidemark/protocol", ours: ["kernel"] },
  "packages/driver": { name: "@tidemark/driver", ours: ["kernel"] },
  "packages/client": { name: "@tidemark/client", ours: ["kernel", "protocol"] },
  "packages/conformance": { name: "@tidemark/conformance", ours: ["driver", "kernel", "protocol"] },
  "packages/log-sqlite": { name: "@tidemark/log-sqlite", ours: ["driver", "kernel"] },
  "packages/sim": { name: "@tidemark/sim", ours: ["client", "driver", "kernel", "protocol"] },
  "apps/host": { name: "tidemark", ours: ["client", "driver", "kernel", "log-sqlite", "protocol"] },
  "apps/examples": { name: "@tidemark/examples", ours: ["client", "driver", "kernel", "protocol"] },
  "apps/bench": { name: "@tidemark/bench", ours: ["driver", "kernel", "log-sqlite"] },
}

/** What a package may take from outside. The apps may take what they need, and Effect lives in the host alone. */
const outside: Readonly<Record<string, readonly string[]>> = {
  "packages/kernel": [],
  "packages/protocol": [],
  "packages/driver": [],
  "packages/client": [],
  "packages/conformance": ["fast-check", "vitest"],
  "packages/log-sqlite": ["better-sqlite3"],
  "packages/sim": [],
}

const current = parse<Manifest>("package.json").version

const manifests = new Map(workspaces.map((path) => [path, parse<Manifest>(`${path}/package.json`)]))

function parse<Shape>(path: string): Shape {
  return JSON.parse(read(path))
}

function references(path: string): string[] {
  return parse<{ references?: { path: string }[] }>(path).references?.map((reference) => reference.path) ?? []
}

const isOurs = (name: string) => name.startsWith("@tidemark/")
const isEffect = (name: string) => name === "effect" || name.startsWith("@effect/")

describe("layering", () => {
  test("every workspace has its place in the design", () => {
    expect(workspaces.filter((path) => layering[path]?.name !== manifests.get(path)?.name)).toEqual([])
  })

  test("a workspace depends on those of our packages that its layer may see", () => {
    const wrong = [...manifests].flatMap(([path, { dependencies = {} }]) => {
      const allowed = layering[path]?.ours.map((name) => `@tidemark/${name}`) ?? []
      return Object.keys(dependencies).filter((name) => isOurs(name) && !allowed.includes(name)).map((name) => `${path} → ${name}`)
    })
    expect(wrong).toEqual([])
  })

  test("a package takes nothing from outside but what stands beside its name", () => {
    const wrong = [...manifests].flatMap(([path, { dependencies = {}, peerDependencies = {}, optionalDependencies = {} }]) => {
      const allowed = outside[path]
      if (allowed === undefined) return []
      const names = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
      return names.filter((name) => !isOurs(name) && !allowed.includes(name)).map((name) => `${path} → ${name}`)
    })
    expect(wrong).toEqual([])
  })

  test("Effect lives in the host only", () => {
    const effectful = [...manifests].filter(([, manifest]) =>
      Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }).some(isEffect),
    )
    expect(effectful.map(([path]) => path)).toEqual(["apps/host"])
  })

  test("a compiler reference is a declared dependency, or the other way round nothing compiles", () => {
    const wrong = [...manifests].flatMap(([path, { dependencies = {} }]) =>
      references(`${path}/tsconfig.json`)
        .map((reference) => manifests.get(new URL(reference, `file:///${path}/`).pathname.slice(1))?.name ?? reference)
        .filter((name) => dependencies[name] === undefined)
        .map((name) => `${path} → ${name}`),
    )
    expect(wrong).toEqual([])
  })

  test("one version for all of ours", () => {
    const wrong = [...manifests].flatMap(([path, { version, dependencies = {} }]) =>
      Object.entries({ [path]: version, ...dependencies }).filter(([name, its]) => (isOurs(name) || name === path) && its !== current),
    )
    expect(wrong).toEqual([])
  })

  test("every package offers its sources first, to this repository alone", () => {
    const wrong = [...manifests].filter(([path, manifest]) => {
      if (!path.startsWith("packages/")) return false
      const conditions = manifest.exports?.["."]
      const source = conditions?.["@tidemark/source"]
      return Object.keys(conditions ?? {})[0] !== "@tidemark/source" || source === undefined || !exists(`${path}/${source.slice(2)}`)
    })
    expect(wrong.map(([path]) => path)).toEqual([])
  })

  test("every workspace is compiled and tested with the rest", () => {
    const compiled = references("tsconfig.json")
    const tested = read("vitest.workspace.ts")
    expect(workspaces.filter((path) => !compiled.includes(path) || !tested.includes(`"${path}"`))).toEqual([])
  })
})

describe("the lock file", () => {
  const lock = (): Lock => parse<Lock>("package-lock.json")
  const locked = () => Object.entries(lock().packages)

  test("is committed, and knows every workspace", () => {
    expect(exists("package-lock.json")).toBe(true)
    expect(workspaces.filter((path) => lock().packages[path]?.version !== current)).toEqual([])
  })

  test("names no host", () => {
    const named = locked().filter(([, { resolved, link }]) => resolved !== undefined && link !== true)
    expect(named.map(([path]) => path)).toEqual([])
  })

  test("knows what every package from outside must hash to", () => {
    const outsiders = locked().filter(([path, { link }]) => path.includes("node_modules/") && link !== true)
    expect(outsiders.filter(([, { integrity }]) => !integrity?.startsWith("sha512-")).map(([path]) => path)).toEqual([])
  })

  test("holds every build of a native package, also for the platforms it was not written on", () => {
    const missing = locked().flatMap(([path, entry]) => {
      const manifest = `${path}/package.json`
      const installed = path !== "" && exists(manifest) ? parse<Manifest>(manifest).optionalDependencies : {}
      return Object.entries({ ...installed, ...entry.optionalDependencies })
        .filter(([name, wanted]) => !provides(lock(), path, name, wanted))
        .map(([name, wanted]) => `${path} → ${name}@${wanted}`)
    })
    expect(missing).toEqual([])
  })

  test("resolves one effect, of the 3 line", () => {
    const versions = locked().filter(([path]) => path.endsWith("node_modules/effect")).map(([, { version }]) => version?.split(".")[0])
    expect(versions).toEqual(["3"])
  })
})

/** Whether a package at `path` would find `name`; an exact version must be met exactly. */
function provides({ packages }: Lock, path: string, name: string, wanted: string): boolean {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
    const found = packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`]
    if (found !== undefined) return !/^\d+\.\d+\.\d+$/.test(wanted) || found.version === wanted
    if (from === "") return false
  }
}

test("the lock file's check finds a build that is not there", () => {
  const packages = {
    "node_modules/native": { optionalDependencies: { "native-linux": "1.0.0", "native-mac": "1.0.0" } },
    "node_modules/native-linux": { version: "1.0.0" },
    "node_modules/native/node_modules/native-mac": { version: "0.9.0" },
  }
  expect(provides({ lockfileVersion: 3, packages }, "node_modules/native", "native-linux", "1.0.0")).toBe(true)
  expect(provides({ lockfileVersion: 3, packages }, "node_modules/native", "native-mac", "1.0.0")).toBe(false)
  expect(provides({ lockfileVersion: 3, packages }, "node_modules/native", "native-win", "1.0.0")).toBe(false)
})
