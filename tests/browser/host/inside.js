/**
 * What tests ask of a page inside of it: the browser runs these functions, each by itself.
 *
 * @module
 */

/**
 * Measures a page.
 *
 * @param root its root element
 * @param background colour of the host behind it
 */
export function measurePage(root, background) {
  const MIN_TARGET_PX = 44;
  const paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  /** Returns a colour of CSS as red, green, blue, and opacity from 0 to 1. */
  const parts = (color) => {
    paper.clearRect(0, 0, 1, 1);
    paper.fillStyle = color;
    paper.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = paper.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((value, index) => value * a + below[index] * (1 - a));
  const backgroundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(parts(getComputedStyle(at).backgroundColor));
    }
    return layers.reduceRight((below, layer) => over(layer, below), parts(background));
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 && element.checkVisibility({ visibilityProperty: true });
  };
  const isOff = (element) => element.closest("[aria-disabled=true], [disabled]") !== null;
  const nameOf = (element) =>
    element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40);

  const faint = [];
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (text.data.trim() === "" || !isShown(element) || isOff(element)) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const behind = backgroundOf(element);
    const ratio = contrast(over(parts(style.color), behind), behind);
    if (ratio < (isLarge ? 3 : 4.5)) {
      faint.push(`${ratio.toFixed(2)}: ${text.data.trim().slice(0, 40)}`);
    }
  }
  const small = [...root.querySelectorAll("button, summary, textarea, input, select")]
    .filter((element) => isShown(element) && getComputedStyle(element).display !== "inline")
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < MIN_TARGET_PX - 0.5)
    .map(([element, { width, height }]) => `${nameOf(element)}: ${width}x${height}`);
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const moving = document.getAnimations()
    .filter(({ playState }) => playState === "running").map(({ effect }) =>
      effect.target?.className
    );
  return { faint, small, wide, moving };
}

/** Returns what an agent's text has become, where it is more than text. */
export function findHarm(root) {
  const loading = "img, iframe, object, embed, video, audio, form, link, base, " +
    "meta[http-equiv=refresh]";
  return {
    hacked: String(globalThis.hacked),
    loads: [...root.querySelectorAll(loading)].map(({ outerHTML }) => outerHTML),
    scripts: root.querySelectorAll("script").length,
    handlers: [...root.querySelectorAll("*")].flatMap((element) =>
      element.getAttributeNames().filter((name) => name.startsWith("on"))
    ),
    wide: root.scrollWidth - root.clientWidth,
    shown: getComputedStyle(document.body).display,
  };
}

/** Returns true for a canvas with more than one colour. */
export function hasPicture(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size > 1;
}

/** Returns the style of the line around an element. */
export function outlineOf(element) {
  return getComputedStyle(element).outlineStyle;
}

/** Makes a page faint, small and wide, for the test of the measures. */
export function spoilPage(root) {
  for (const element of root.querySelectorAll("*")) {
    element.style.color = "#999";
    element.style.minHeight = "0";
    element.style.padding = "0";
  }
  document.body.style.width = "3000px";
}

/** Draws a chart. @returns it as a PNG, in base64 */
export async function drawChart(values) {
  const canvas = new OffscreenCanvas(320, 180);
  const paper = canvas.getContext("2d");
  const highest = Math.max(...values);
  paper.fillStyle = "white";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.fillStyle = "#2f6db5";
  const step = canvas.width / values.length;
  for (const [index, value] of values.entries()) {
    const height = value / highest * (canvas.height - 20);
    paper.fillRect(index * step + 5, canvas.height - height, step - 10, height);
  }
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
}

/** Clicks the first button to allow a call in the moment in which it comes, as a pointer does. */
export function clickAllowAtOnce(root) {
  new MutationObserver((_, observer) => {
    const button = root.querySelector("button.allow");
    if (!button) return;
    observer.disconnect();
    button.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
    root.dataset.clicked = "true";
  }).observe(root, { childList: true, subtree: true });
}
