/**
 * A session view as a person finds their way in it: by words, roles and names.
 *
 * @module
 */

import type { FrameLocator, Locator } from "playwright-core";
import type { BrowserHost } from "./browser_host.ts";

/** The page of one call. */
export class View {
  readonly frame: FrameLocator;

  constructor(host: BrowserHost, call: number) {
    this.frame = host.view(call);
  }

  button(name: string | RegExp): Locator {
    return this.frame.getByRole("button", { name, exact: true });
  }

  /** Waits until the page says how the session stands, in one word. */
  async stands(word: string): Promise<void> {
    await this.frame.locator("strong", { hasText: new RegExp(`^${word}$`) }).waitFor();
  }

  /** Waits until the page shows a text, or a part of one. */
  async shows(text: string | RegExp): Promise<void> {
    await this.frame.getByText(text).locator("visible=true").first().waitFor();
  }

  /** Waits until the page shows a text no more. */
  async hides(text: string | RegExp): Promise<void> {
    await this.frame.getByText(text).locator("visible=true").first().waitFor({ state: "hidden" });
  }

  /** Returns everything that a person can read. */
  text(): Promise<string> {
    return this.frame.locator("body").innerText();
  }

  /** Waits until the reply has a text: the task, which the page shows as well, may hold it too. */
  async replies(text: string): Promise<void> {
    await this.region("Reply").getByText(text).locator("visible=true").first().waitFor();
  }

  region(name: string): Locator {
    return this.frame.getByRole("region", { name, exact: true });
  }
}

/** Lists the files, again until all are there: the API lists them some time after they are written. */
export async function showFiles(view: View, count: number): Promise<void> {
  await view.button("Show files").click();
  const again = view.button("Look again");
  await again.waitFor();
  const rows = view.region(count > 1 ? `${count} files` : "Files").getByRole("listitem");
  for (let looks = 0; await rows.count() !== count; looks++) {
    if (looks > 20) throw new Error(`The page does not show ${count} files`);
    await again.click();
    await again.waitFor();
  }
}
