// Names, places and times. Numbers that must not be mixed up are branded: taking a revision for a position, or the
// wall clock for the monotonic one, loses data quietly. This file holds the one cast of the package (`brand`). The checks of
// numbers are written out instead of calling `contract`: they are made for every entry, and its message would be too.

import { contract, ContractViolation } from "./contract.ts"

declare const tag: unique symbol
type Branded<Value, Name extends string> = Value & { readonly [tag]: Name }

/** Dense integer from 1, one per entry, per session and epoch. 0 is the place before the first entry. */
export type Position = Branded<number, "Position">
/** Count of commits so far; 0 before the first. Never goes back within an epoch. */
export type Revision = Branded<number, "Revision">
/** 48 bits: hash of the previous mark and the entry's text. 0 at position 0. Compared, never recomputed. */
export type Mark = Branded<number, "Mark">
/** Milliseconds of a monotonic clock with any origin: deadlines, leases, ages in memory. */
export type Instant = Branded<number, "Instant">
/** Milliseconds since the Unix epoch on the wall clock; only the log stamps with it. */
export type Timestamp = Branded<number, "Timestamp">
/** Names one lifetime of a session's log: `<log generation>.<session incarnation>`, both random. */
export type Epoch = Branded<string, "Epoch">
/** `<workspace>/<id>`: the identity a session is filed under, everywhere. */
export type SessionName = Branded<string, "SessionName">
/** Opaque text that names "everything up to here"; see `cursor.ts`. */
export type CursorText = Branded<string, "CursorText">
/** A text that is valid JSON on one line; see `json.ts`. */
export type JsonText = Branded<string, "JsonText">
/** Names one standing reader of a kernel; never used twice. */
export type ReaderId = Branded<number, "ReaderId">

/** A place between two entries of one epoch: after the entry at `position`, at that revision, with that entry's mark. */
export interface Point {
  readonly position: Position
  readonly revision: Revision
  readonly mark: Mark
}

/** The one marked cast of this package: every branded value is made by a function below that checked it. */
// oxlint-disable-next-line typescript/consistent-type-assertions -- the one marked cast of this package
const brand = <Value>(value: unknown): Value => value as Value

export function position(value: number): Position {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new ContractViolation(`a position is a whole number from 0, not ${value}`)
  return brand(value)
}

export function revision(value: number): Revision {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new ContractViolation(`a revision is a whole number from 0, not ${value}`)
  return brand(value)
}

const markEnd = 2 ** 48

export function mark(value: number): Mark {
  if (!(Number.isSafeInteger(value) && value >= 0 && value < markEnd)) throw new ContractViolation(`a mark has 48 bits, not ${value}`)
  return brand(value)
}

export function instant(ms: number): Instant {
  if (!Number.isFinite(ms)) throw new ContractViolation(`an instant is a finite number of milliseconds, not ${ms}`)
  return brand(ms)
}

export function timestamp(ms: number): Timestamp {
  if (!(Number.isSafeInteger(ms) && ms >= 0 && ms <= 8.64e15)) throw new ContractViolation(`a timestamp is whole milliseconds since 1970, not ${ms}`)
  return brand(ms)
}

export function readerId(value: number): ReaderId {
  return brand(value)
}

/** `instant + ms`; keeps the brand. */
export function later(from: Instant, ms: number): Instant {
  return instant(from + ms)
}

const epochShape = /^[A-Za-z0-9_-]{1,22}\.[A-Za-z0-9_-]{1,22}$/

/** `undefined` unless both halves are 1–22 characters of `A–Z a–z 0–9 _ -`, so that a cursor stays within 128 bytes. */
export function parseEpoch(text: string): Epoch | undefined {
  return epochShape.test(text) ? brand(text) : undefined
}

export function epoch(generation: string, incarnation: string): Epoch {
  const parsed = parseEpoch(`${generation}.${incarnation}`)
  contract(parsed !== undefined, "an epoch is two tokens of 1–22 characters of A–Z a–z 0–9 _ -")
  return parsed
}

const nameShape = /^[A-Za-z0-9._~:-]{1,128}$/

/** Whether `text` may name a workspace or a session: 1–128 of `A–Z a–z 0–9 . _ ~ : -`, and neither `.` nor `..`. */
export function isName(text: string): boolean {
  return nameShape.test(text) && text !== "." && text !== ".."
}

/** `undefined` when either part is no name (`isName`). */
export function parseSessionName(workspace: string, id: string): SessionName | undefined {
  return isName(workspace) && isName(id) ? brand(`${workspace}/${id}`) : undefined
}

export function sessionName(workspace: string, id: string): SessionName {
  const parsed = parseSessionName(workspace, id)
  contract(parsed !== undefined, () => `not a session name: ${JSON.stringify([workspace, id])}`)
  return parsed
}

export function workspaceOf(name: SessionName): string {
  return name.slice(0, name.indexOf("/"))
}

export function idOf(name: SessionName): string {
  return name.slice(name.indexOf("/") + 1)
}

/** For `cursor.ts` and `json.ts`, which check the shape themselves. */
export const brandCursorText = (text: string): CursorText => brand(text)
export const brandJsonText = (text: string): JsonText => brand(text)

/** The place before the first entry of any epoch. */
export const origin: Point = { position: position(0), revision: revision(0), mark: mark(0) }
