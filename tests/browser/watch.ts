/**
 * Sees what a page does that it must not: load something, break its policy, or fail.
 *
 * @module
 */

import type { BrowserContext, Page, Request } from "playwright-core";

/** What the browser and the page may load. */
export interface Allowed {
  /** Documents and scripts, by their whole address. */
  readonly urls: readonly string[];
  /** Addresses that the host alone may ask, not a page in it. */
  readonly hostUrls: readonly string[];
  /** What the browser may complain of. */
  readonly complaint?: RegExp;
}

/** Runs in every frame before its own scripts. */
const TELL_VIOLATIONS = `addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI);
});`;

/** Gathers what goes wrong in a context; a test that ends with any of it has failed. */
export class Watch {
  readonly faults: string[] = [];
  readonly #allowed: Allowed;

  constructor(allowed: Allowed) {
    this.#allowed = allowed;
  }

  async follow(context: BrowserContext, page: Page): Promise<void> {
    await context.addInitScript({ content: TELL_VIOLATIONS });
    context.on("request", (request) => this.#checkRequest(request, page));
    context.on("page", (opened) => opened !== page && this.faults.push("a window was opened"));
    page.on("download", () => this.faults.push("the browser was made to download"));
    page.on("dialog", (dialog) => {
      this.faults.push(`a dialog was shown: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("pageerror", (error) => this.faults.push(`uncaught error: ${error.message}`));
    page.on("console", (message) => {
      // Clients of the older protocol try to open a stream, which a server may refuse.
      const isRefusedStream = this.#allowed.hostUrls.includes(message.location().url) &&
        message.text().includes("status of 405");
      const isMeant = this.#allowed.complaint?.test(message.text()) || isRefusedStream;
      if (["error", "warning"].includes(message.type()) && !isMeant) {
        this.faults.push(`console: ${message.text()}`);
      }
    });
  }

  #checkRequest(request: Request, page: Page): void {
    const url = request.url();
    if (this.#allowed.urls.includes(url)) return;
    const isHost = frameOf(request) === page.mainFrame();
    if (isHost && this.#allowed.hostUrls.includes(url)) return;
    this.faults.push(`${isHost ? "the host" : "a page"} loads ${url.slice(0, 200)}`);
  }
}

/** Returns the frame of a request; undefined for a navigation whose frame is not there yet. */
function frameOf(request: Request) {
  try {
    return request.frame();
  } catch {
    return undefined;
  }
}
