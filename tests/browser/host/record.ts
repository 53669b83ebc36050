/**
 * What pages and the server have asked of the host, for the test to read.
 *
 * @module
 */

import type { ElicitRequestFormParams, ElicitResult } from "@modelcontextprotocol/client";
import type { Download, PageCalls, Received } from "./settings.ts";

/** A form that waits for the person. */
interface OpenForm {
  readonly form: ElicitRequestFormParams;
  readonly answer: (result: ElicitResult) => void;
}

/** Keeps what was asked, and the answers that the host gives. */
export class HostRecord {
  #pageCalls: PageCalls = "pass";
  #released = Promise.withResolvers<void>();
  readonly messages: string[] = [];
  readonly contexts: string[] = [];
  readonly links: string[] = [];
  readonly downloads: Download[] = [];
  readonly #called: string[] = [];
  #forms: OpenForm[] = [];

  called(tool: string): void {
    this.#called.push(tool);
  }

  get pageCalls(): PageCalls {
    return this.#pageCalls;
  }

  set pageCalls(calls: PageCalls) {
    this.#pageCalls = calls;
    if (calls === "held") return;
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  /** Resolves when calls of pages are held no more. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Shows a form until it is answered, or withdrawn. */
  ask(form: ElicitRequestFormParams, signal: AbortSignal): Promise<ElicitResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ElicitResult>();
    const open = { form, answer: resolve };
    this.#forms.push(open);
    const close = () => this.#forms = this.#forms.filter((one) => one !== open);
    signal.addEventListener("abort", () => {
      close();
      reject(new Error("The form was withdrawn"));
    });
    return promise.finally(close);
  }

  /** @throws Error when no form is shown */
  answerForm(result: ElicitResult): void {
    const [first] = this.#forms;
    if (!first) throw new Error("The host shows no form");
    first.answer(result);
  }

  received(): Received {
    const { messages, contexts, links, downloads } = this;
    return {
      ...{ messages, contexts, links, downloads },
      calls: this.#called,
      forms: this.#forms.map(({ form }) => form),
    };
  }
}
