// Where a cursor is kept between two runs of a program or two lives of a page. What is kept is always the cursor of an
// item that was taken: a crash between taking and keeping repeats the item, it never loses one.

/**
 * `save` is called each time the cursor has moved past what was taken (when the consumer asks for the next item), in order,
 * one call at a time; the next item is not given before it is done. What either throws ends the iteration.
 */
export interface CursorStorage {
  load(): Promise<string | undefined> | string | undefined
  save(cursor: string): Promise<void> | void
}

/** Keeps the cursor as long as the object lives: for one page or process that connects more than once. */
export function memoryCursor(cursor?: string): CursorStorage {
  let kept = cursor
  return {
    load: () => kept,
    save: (next) => {
      kept = next
    },
  }
}

/** What is needed of `sessionStorage`, `localStorage`, or anything alike. */
export interface KeyValueStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Keeps the cursor of one tab over reloads: `storedCursor("tidemark:deps", sessionStorage)`. One key per session and view. */
export function storedCursor(key: string, storage: KeyValueStorage): CursorStorage {
  return {
    load: () => storage.getItem(key) ?? undefined,
    save: (cursor) => storage.setItem(key, cursor),
  }
}
