// The client's fold: the same model that the server folds with, applied to what this client is given, so that the
// state beside each item is the view and provisional part the server would show at the item's cursor (L10).

import { foldable, type Fold, type SessionModel, type Shown } from "@tidemark/kernel"
import type { Hello } from "@tidemark/protocol"
import { ClientError } from "./client-error.ts"
import type { ReplayItem } from "./replay-client.ts"

/** An item, with what is folded up to and including it. */
export type ClientItem = ReplayItem & {
  /** With `model`: view and provisional part at this item; absent before the first observation and from a gap to its observation. */
  readonly state?: Shown
  /** The model threw on an event since the last observation: `state` is of the events it could fold. */
  readonly viewFailed?: true
}

export class Folding {
  readonly #model: SessionModel
  #fold: Fold | undefined
  #failed = false

  /** `start`: what was shown at the cursor to begin at; `"initial"`: the beginning of the log; `undefined`: an observation comes first. */
  constructor(model: SessionModel, start: Shown | "initial" | undefined) {
    this.#model = model
    this.#fold = start === "initial" ? model.initial : start === undefined ? undefined : restored(model, start)
  }

  /** Folds the next item. Throws `ClientError` `model-mismatch` when the server folds this session with another model. */
  handle(item: ReplayItem, hello: Hello | undefined): ClientItem {
    switch (item.type) {
      case "event":
        this.#checkModel(hello)
        try {
          this.#fold = this.#fold?.apply(foldable(item.event))
        } catch {
          this.#failed = true // as on the server: the fold stands, and events flow on
        }
        break
      case "gap":
        this.#fold = undefined
        break
      case "observation": {
        const { view, provisional, view_failed } = item.observation
        this.#fold = this.#restore({ view, provisional }, hello)
        this.#failed = view_failed === true
        break
      }
      case "caught_up":
      case "status":
      case "closed":
    }
    return this.#with(item)
  }

  #with(item: ReplayItem): ClientItem {
    const fold = this.#fold
    if (fold === undefined) return item
    let shown: Shown | undefined
    return {
      ...item,
      ...(this.#failed ? { viewFailed: true } : {}),
      // Shown when somebody looks: showing after each event of a long replay would cost more than folding it.
      get state() {
        return (shown ??= fold.show())
      },
    }
  }

  /** A fold of another model's events would be a state that nobody else sees. */
  #checkModel(hello: Hello | undefined): void {
    if (hello === undefined || hello.model === this.#model.name) return
    throw mismatch(`the session is folded with model ${JSON.stringify(hello.model)}, not ${JSON.stringify(this.#model.name)}; pass that one`)
  }

  #restore(shown: Shown, hello: Hello | undefined): Fold {
    const model = this.#model
    const name = JSON.stringify(model.name)
    const from = hello?.modelVersion ?? model.version
    this.#checkModel(hello)
    const current = from === model.version ? shown : model.migrate?.(from, shown)
    if (current === undefined) {
      throw mismatch(`the server folds with version ${from} of model ${name}, this client with ${model.version}; update one of them`)
    }
    return restored(model, current)
  }
}

function restored(model: SessionModel, shown: Shown): Fold {
  const fold = model.restore(shown)
  if (fold === undefined) throw mismatch(`model ${JSON.stringify(model.name)} cannot read what was observed; use the version that wrote it`)
  return fold
}

function mismatch(message: string): ClientError {
  return new ClientError("model-mismatch", message)
}
