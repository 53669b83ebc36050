/**
 * What the chat's model is to be told after a decision. Hosts were seen to drop it, so the sentence
 * stands here for the person to send.
 *
 * @module
 */

import type { TellState, ViewState } from "../state.ts";
import { copyText } from "./copy.ts";
import { make, makeButton, setAttributes, setShown, setText } from "./elements.ts";
import { makeIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** Makes the part of the page with what the model is told. */
export function makeTell({ actions, announce }: Tools): Section {
  const title = make("h2", { id: "tell-title", tabindex: -1 }, "Tell the chat");
  const text = make("p");
  const sentence = make("p", { class: "sentence" });
  const copyLabel = make("span", {}, "Copy");
  const copy = makeButton(
    {},
    () =>
      void copyText(sentence).then((isCopied) => {
        setText(copyLabel, isCopied ? "Copied" : "Selected: copy it now");
        announce(isCopied ? "Copied." : "The sentence is selected. Copy it now.");
      }),
    makeIcon("copy"),
    copyLabel,
  );
  const tell = makeButton({}, () => actions.tell(), makeIcon("input"), "Tell the chat");
  const element = make(
    "section",
    { class: "tell", "aria-labelledby": "tell-title" },
    title,
    text,
    make("div", { class: "sentence-row" }, sentence, make("div", { class: "choices" }, copy, tell)),
  );
  let shown = "";
  return {
    element,
    update({ tell: told }: ViewState) {
      setShown(element, told !== undefined && told.state !== "needless");
      if (told === undefined) return;
      setText(text, TEXTS[told.state]);
      if (told.sentence !== shown) setText(copyLabel, "Copy");
      shown = told.sentence;
      setText(sentence, told.sentence);
      setShown(tell, told.state !== "sent");
      setAttributes(tell, {
        "aria-disabled": told.state === "sending" && "true",
        "data-off": told.state === "sending",
      });
    },
  };
}

const TEXTS: Readonly<Record<TellState["state"], string>> = {
  needless: "",
  offered: "The agent knows what you did here. The chat does not know it yet:",
  sending: "Telling the chat what you did…",
  sent: "The chat was told. If it does not go on by itself, send it this sentence:",
  failed: "The chat could not be told. Send it this sentence yourself:",
};
