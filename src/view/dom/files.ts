/**
 * The files that the agent has written: to look at, to save, or to copy.
 *
 * @module
 */

import { shorten } from "../../core/text.ts";
import { imageSize } from "../image_size.ts";
import type { FileState, ViewState } from "../state.ts";
import { copyText } from "./copy.ts";
import {
  type ItemView,
  KeyedList,
  make,
  makeButton,
  setAttributes,
  setShown,
  setText,
  visibleName,
} from "./elements.ts";
import { makeIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** An image of more pixels is not decoded: it could take all memory. */
const MAX_DECODED_PIXELS = 40_000_000;
/** Characters of a text that are shown at first: the page grows with it, and does not scroll. */
const MAX_PREVIEW_CHARS = 2_000;
/** Longest side of a preview, in pixels. */
const MAX_PREVIEW_SIDE = 1_200;

interface ShownFile {
  readonly file: FileState;
  readonly host: ViewState["host"];
}

/** Makes the part of the page with the files. */
export function makeFiles(tools: Tools): Section {
  const title = make("h2", { id: "files-title", tabindex: -1 }, "Files");
  const list = make("ul", { class: "files" });
  const offer = makeButton({ class: "quiet" }, () => tools.actions.listFiles(), "Show files");
  const note = make("p", { class: "note" });
  const element = make(
    "section",
    { class: "files-section", "aria-labelledby": "files-title" },
    make("div", { class: "section-head" }, title, offer),
    note,
    list,
  );
  const shown = new KeyedList<ShownFile>(list, (item) => new FileRow(item, tools));
  return {
    element,
    update({ files, host }: ViewState) {
      shown.update(files.files.map((file) => ({ file, host })), ({ file }) => file.id);
      setShown(element, files.state !== "none");
      setShown(list, files.files.length > 0);
      // A list may trail the agent by some seconds: then a second look shows more.
      setShown(offer, files.state !== "loading");
      setText(offer, OFFERS[files.state]);
      const text = files.state === "loading"
        ? "Reading the list of files…"
        : files.state === "failed"
        ? files.failure ?? "The list of files can't be read."
        : files.state === "listed" && files.files.length === 0
        ? "The agent has written no files."
        : "";
      setShown(note, text !== "");
      setText(note, text);
      setText(
        title,
        files.files.length > 1 ? `${tools.format().number(files.files.length)} files` : "Files",
      );
    },
  };
}

/** What the button for the list says. */
const OFFERS: Readonly<Record<ViewState["files"]["state"], string>> = {
  none: "",
  offered: "Show files",
  loading: "",
  listed: "Look again",
  failed: "Try again",
};

/** One file. */
class FileRow implements ItemView<ShownFile> {
  readonly element: HTMLElement;
  readonly #tools: Tools;
  readonly #name = make("bdi", { class: "name" });
  readonly #facts = make("span", { class: "facts" });
  readonly #open: HTMLButtonElement;
  readonly #save: HTMLButtonElement;
  readonly #link: HTMLButtonElement;
  readonly #note = make("p", { class: "note" });
  readonly #text = make("pre", { dir: "auto" });
  readonly #textBox: HTMLDetailsElement;
  readonly #copy: HTMLButtonElement;
  readonly #more: HTMLButtonElement;
  #isWholeShown = false;
  readonly #address = make("p", { class: "note" });
  #canvas: HTMLCanvasElement | undefined;
  #image: FileState["image"];
  #imageNote = "";
  #item: ShownFile;

  constructor(item: ShownFile, tools: Tools) {
    this.#item = item;
    this.#tools = tools;
    const { actions } = tools;
    const id = item.file.id;
    this.#open = makeButton({}, () => actions.openFile(id), "Show");
    this.#save = makeButton({}, () => actions.saveFile(id), makeIcon("save"), "Save");
    this.#link = makeButton(
      {},
      () => {
        const { url } = this.#item.file;
        if (url !== undefined) tools.openLink(url);
      },
      makeIcon("open"),
      "Download",
    );
    this.#copy = makeButton(
      { class: "quiet" },
      () => void this.#copyText(),
      makeIcon("copy"),
      "Copy text",
    );
    this.#more = makeButton({ class: "quiet" }, () => this.#showWhole());
    this.#textBox = make(
      "details",
      { open: true },
      make("summary", {}, "Text"),
      this.#text,
      make("div", { class: "row" }, this.#more, this.#copy),
    );
    this.element = make(
      "li",
      {},
      make(
        "div",
        { class: "file" },
        makeIcon("file"),
        make("div", { class: "file-words" }, this.#name, this.#facts),
        make("div", { class: "choices" }, this.#open, this.#save, this.#link),
      ),
      this.#note,
      this.#textBox,
      this.#address,
    );
  }

  update(item: ShownFile): void {
    this.#item = item;
    const { file, host } = item;
    const name = visibleName(file.name);
    setText(this.#name, name);
    setText(this.#facts, factsOf(file, this.#tools.format().bytes));
    const isShown = file.text !== undefined || file.image !== undefined;
    setShown(this.#open, canShow(file) && !isShown);
    setShown(this.#save, host.canDownload);
    setShown(this.#link, file.url !== undefined && host.canOpenLinks);
    for (const button of [this.#open, this.#save, this.#link]) {
      const isOff = file.state === "loading";
      setAttributes(button, {
        "aria-label": `${button.textContent} ${name}`,
        "aria-disabled": isOff && "true",
        "data-off": isOff,
      });
    }
    setShown(this.#textBox, file.text !== undefined);
    this.#showText();
    setAttributes(this.#copy, { "aria-label": `Copy text of ${name}` });
    setShown(this.#address, file.url !== undefined && !host.canOpenLinks);
    if (file.url !== undefined) setText(this.#address, `Open this in a browser: ${file.url}`);
    if (file.image !== this.#image) {
      this.#image = file.image;
      void this.#drawImage(file.image, name);
    }
    this.#showNote();
  }

  #showNote(): void {
    const { file } = this.#item;
    const text = file.state === "failed"
      ? file.failure ?? "The file can't be read."
      : file.state === "loading"
      ? "Reading the file…"
      : this.#imageNote !== ""
      ? this.#imageNote
      : file.state === "saved"
      ? "Saved."
      : file.isPartial
      ? "Only the beginning of the text is shown."
      : "";
    setShown(this.#note, text !== "");
    setText(this.#note, text);
  }

  #showText(): void {
    const { file: { text = "" } } = this.#item;
    const shown = this.#isWholeShown ? text : shorten(text, MAX_PREVIEW_CHARS);
    setText(this.#text, shown);
    setShown(this.#more, shown !== text);
    const left = this.#tools.format().number(text.length - MAX_PREVIEW_CHARS);
    setText(this.#more, `Show all (${left} characters more)`);
  }

  #showWhole(): void {
    this.#isWholeShown = true;
    this.#showText();
  }

  async #copyText(): Promise<void> {
    this.#showWhole();
    const isCopied = await copyText(this.#text);
    this.#tools.announce(isCopied ? "Copied." : "The text is selected. Copy it now.");
    this.#copy.lastChild?.replaceWith(isCopied ? "Copied" : "Selected: copy it now");
  }

  /** Draws onto a canvas: pages of hosts may load no image, not even from memory. */
  async #drawImage(image: FileState["image"], name: string): Promise<void> {
    this.#canvas?.remove();
    this.#canvas = undefined;
    this.#imageNote = "";
    if (image === undefined) return;
    const size = imageSize(image.bytes);
    if (size === undefined || size.width * size.height > MAX_DECODED_PIXELS) {
      this.#imageNote = size === undefined
        ? "This image can't be shown here."
        : "This image is too large to be shown here.";
      this.#showNote();
      return;
    }
    const scale = Math.min(1, MAX_PREVIEW_SIDE / Math.max(size.width, size.height));
    try {
      const bitmap = await createImageBitmap(new Blob([image.bytes], { type: image.mimeType }), {
        resizeWidth: Math.max(1, Math.round(size.width * scale)),
        resizeHeight: Math.max(1, Math.round(size.height * scale)),
        resizeQuality: "high",
      });
      if (this.#image !== image) {
        bitmap.close();
        return;
      }
      const canvas = make("canvas", {
        width: bitmap.width,
        height: bitmap.height,
        role: "img",
        "aria-label": `Preview of ${name}`,
      });
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      bitmap.close();
      this.#canvas = canvas;
      this.#note.before(canvas);
    } catch {
      this.#imageNote = "This image can't be shown here.";
      this.#showNote();
    }
  }
}

function factsOf({ mimeType, sizeBytes }: FileState, bytes: (count: number) => string): string {
  return [
    ...mimeType === undefined ? [] : typeWords(visibleName(mimeType)),
    ...sizeBytes === undefined ? [] : [bytes(sizeBytes)],
  ].join(", ");
}

/** Types that most agents write, in the words of people. */
const TYPE_WORDS: Readonly<Record<string, string>> = {
  "application/json": "JSON",
  "application/pdf": "PDF",
  "application/zip": "ZIP archive",
  "image/gif": "GIF image",
  "image/jpeg": "JPEG image",
  "image/png": "PNG image",
  "image/svg+xml": "SVG image",
  "image/webp": "WebP image",
  "text/csv": "CSV table",
  "text/html": "HTML page",
  "text/markdown": "Markdown text",
  "text/plain": "Text",
};

/** Returns a type as people call it, or as it is; nothing for the one that tells nothing. */
function typeWords(mimeType: string): string[] {
  const type = plainType(mimeType);
  if (type === UNKNOWN_TYPE) return [];
  return [Object.hasOwn(TYPE_WORDS, type) ? TYPE_WORDS[type] ?? type : mimeType];
}

/** What a file has whose type nobody told. */
const UNKNOWN_TYPE = "application/octet-stream";
const IMAGE_TYPES = /^image\/(?:png|jpeg|gif|webp)$/;
const TEXT_TYPES = /^text\/|[/+](?:json|xml|yaml|x-yaml|javascript|typescript|csv|x-sh|sql|toml)$/;

/** Returns true for a file that the page can show, as far as its type tells. */
function canShow({ mimeType }: FileState): boolean {
  const type = plainType(mimeType ?? UNKNOWN_TYPE);
  return type === UNKNOWN_TYPE || IMAGE_TYPES.test(type) || TEXT_TYPES.test(type);
}

/** Returns a type without its parameters. */
function plainType(mimeType: string): string {
  return (mimeType.split(";")[0] ?? "").trim().toLowerCase();
}
