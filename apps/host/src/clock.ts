// Time and chance. This is the only file of the host that reads a clock or draws a random number; everything else is
// given a `Clock` and a `Chance`. Deadlines are of the monotonic clock, which never goes back; the wall clock only stamps.

import { randomBytes } from "node:crypto"
import { performance } from "node:perf_hooks"
import { instant, timestamp, type Instant, type Timestamp } from "@tidemark/kernel"

export interface Clock {
  /** Monotonic, in milliseconds with a fraction; its origin means nothing. */
  now(): Instant
  /** Milliseconds since the Unix epoch; may jump. */
  wall(): Timestamp
}

export interface Chance {
  /** From 0 up to, not including, 1. Spreads reconnects; good for nothing that must not be guessed. */
  fraction(): number
  /** 16 characters of `A–Z a–z 0–9 _ -`, 96 bits from the system's generator: half of an epoch. */
  token(): string
}

export const systemClock: Clock = {
  now: () => instant(performance.now()),
  wall: () => timestamp(Date.now()),
}

export const systemChance: Chance = {
  fraction: () => Math.random(),
  token: () => randomBytes(12).toString("base64url"),
}

/** A whole number of milliseconds between `ms × least` and `ms × most`. */
export function jittered(chance: Chance, ms: number, least: number, most: number): number {
  return Math.round(ms * (least + (most - least) * chance.fraction()))
}
