// A shopping cart as a session: events say what somebody did, the model says what the cart is then. Server and browser
// fold with this same model, and neither keeps a cart of its own.

import { defineModel, type Json, type SessionEvent, type Shown } from "@tidemark/kernel"

/** How many of each thing, in the order in which each was first put in. */
export type Cart = ReadonlyMap<string, number>

export const cartModel = defineModel({
  name: "cart",
  version: 1,
  viewBytesMax: 65_536,
  initial: { view: [], provisional: null },
  apply,
})

/** Of one thing in a cart. */
const countMost = 99

/** What a client shows, as a cart: only `apply` makes views. They are arrays, because an object puts keys like "42" first. */
export function cartOf({ view }: Shown): Cart {
  const lines: readonly { readonly sku: string; readonly count: number }[] = Object(view)
  return new Map(lines.map(({ sku, count }) => [sku, count]))
}

/** `added {sku, count}`, `removed {sku}`, and `ordered`, which empties the cart; others change nothing. */
function apply(state: Shown, event: SessionEvent): Shown {
  const cart = new Map(cartOf(state))
  const { sku, count = 1 }: { readonly sku?: Json; readonly count?: Json } = Object(event.data)
  // Data are what somebody sent: what is no count must not become one here, and NaN in memory would be null in an observation.
  if (event.kind === "added" && typeof sku === "string" && isCount(count)) cart.set(sku, Math.min(countMost, (cart.get(sku) ?? 0) + count))
  if (event.kind === "removed" && typeof sku === "string") cart.delete(sku)
  if (event.kind === "ordered") cart.clear()
  return { view: Array.from(cart, ([sku, count]) => ({ sku, count })), provisional: null }
}

function isCount(count: Json): count is number {
  return typeof count === "number" && Number.isInteger(count) && count >= 1 && count <= countMost
}
