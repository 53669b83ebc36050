/**
 * The little of a browser's document that the host uses, typed here: a test's types are Deno's, and a
 * folder with types of its own cannot stand below `tests`, because `deno test` then finds none of
 * them.
 *
 * @module
 */

/** An element of the host's page. */
export interface HostElement {
  id: string;
  className: string;
  title: string;
  textContent: string | null;
  readonly classList: { toggle(name: string, isOn: boolean): void };
  readonly style: { height: string };
  readonly dataset: Record<string, string>;
  append(child: HostElement): void;
  replaceChildren(...children: HostElement[]): void;
}

/** A frame, in which another document is shown. */
export interface HostFrame extends HostElement {
  src: string;
  /** Absent until the frame stands in the document. */
  readonly contentWindow: Window | null;
}

interface HostDocument {
  readonly documentElement: HostElement;
  createElement(name: "iframe"): HostFrame;
  createElement(name: "div"): HostElement;
  querySelector(selector: string): HostElement | null;
}

declare const document: HostDocument;

/** Returns the browser's document. */
export function hostDocument(): HostDocument {
  return document;
}
