/**
 * Copies a text; where the host forbids that, it selects the text for the person to copy.
 *
 * @module
 */

/**
 * Copies the text of an element, all of which is to be there.
 *
 * @returns true if the text is on the clipboard, false if it is selected only
 */
export async function copyText(element: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
    return true;
  } catch {
    // Frames of hosts often may not write: the older way needs no permission, but a selection.
    getSelection()?.selectAllChildren(element);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }
}
