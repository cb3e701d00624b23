// The page that shows a cart: plain code that is given a client's items and says what is on the screen. In the browser
// they come from the network:
//
//   for await (const item of connect({ url, session: "cart-7", model: cartModel })) page.handle(item)
//
// A test gives it the items of a fake client, and reads `text`.

import type { ClientItem } from "@tidemark/client"
import { cartOf, type Cart } from "./cart.ts"

export class CartPage {
  #cart: Cart = new Map()
  #status = "Connecting …"
  #notice = ""

  handle(item: ClientItem): void {
    if (item.state !== undefined) this.#cart = cartOf(item.state)
    switch (item.type) {
      case "status":
        if (item.status === "live") this.#status = ""
        else this.#status = item.status === "reconnecting" ? "Connection lost, trying again …" : "Connecting …"
        return
      case "event":
        // Somebody did something here: whatever was said about an earlier state is old news.
        this.#notice = item.event.kind === "ordered" ? "Thank you for your order." : ""
        return
      case "gap":
        // The cart on the screen is the old one until the observation that follows.
        this.#notice = item.gap.reason === "epoch" ? "This cart was restored from a backup." : "Your cart has changed while you were away."
        return
      case "closed":
        this.#status = ""
        this.#notice = "This cart is closed."
        return
      case "observation":
      case "caught_up":
    }
  }

  /** What a person reads. */
  get text(): string {
    const lines = [...this.#cart].map(([sku, count]) => `${count} × ${sku}`)
    return [lines.join(", ") || "Your cart is empty.", this.#notice, this.#status].filter((line) => line !== "").join("\n")
  }
}
