/**
 * The limits of all sizes: what users download, what a start reads, what models pay for. `deno task
 * check` holds the program to them, and prints each beside its figure.
 *
 * A limit leaves some 3 % above the figure it was set for, and at least 15 characters: a word, a
 * sentence or a small feature fits, and what its comment names does not. What has grown beyond its
 * limit is to become smaller; raise a limit only for what is worth its cost to everyone.
 *
 * @module
 */

/** Limits by the figure's id. */
export const SIZE_LIMITS = {
  // tools/list is in every conversation: a tool more, or a description of twice the length.
  "model_cost.tools_list": 9_200,
  // Most hosts show models only these parts of it.
  "model_cost.tools_list.as_earlier": 4_550,
  "model_cost.tools_list.sessions": 11_550,
  "model_cost.tools_list.files": 11_400,
  "model_cost.tools_list.actions": 11_700,
  "model_cost.tools_list.threads": 11_450,
  "model_cost.tools_list.ask": 11_450,
  "model_cost.tools_list.all": 20_800,
  "model_cost.tools_list.all.as_earlier": 10_750,
  // Some hosts were seen to show models the tools of the view, and `_meta`.
  "model_cost.tools_list.view": 10_400,
  "model_cost.tools_list.all.view": 22_150,
  // A paragraph more: they are in every conversation as well, and hosts cut them at 2,048.
  "model_cost.instructions": 625,
  "model_cost.instructions.all": 1_030,

  // A field more in a result that every turn has, or in each entry of a list.
  "model_cost.result.list_agents": 2_330,
  "model_cost.result.get_agent": 310,
  "model_cost.result.create_session": 80,
  "model_cost.result.send_message": 75,
  "model_cost.result.wait_for_idle": 560,
  "model_cost.result.get_session": 480,
  "model_cost.result.list_events": 4_240,
  "model_cost.result.interrupt": 75,
  "model_cost.result.archive_session": 76,
  "model_cost.log_of_50": 7_760,

  // Code: a library of some size. What checks access tokens, for comparison, is 24 KB.
  "sizes.bundle": 1_090,
  // What is read on demand comes to be read by every start.
  "sizes.bundle.stdio": 790,
  // The page of the session view is a text, in a part that is read when a host asks for it. Hosts
  // load it for each view.
  "sizes.page": 134,
  // The executable without the runtime: files that belong into no executable.
  "sizes.executable.own": 1_230,
  // What npx downloads and writes: a library of some size, source maps, files of no use.
  "sizes.npm.archive": 625,
  "sizes.npm.unpacked": 1_945,
} as const satisfies Readonly<Record<string, number>>;

/** Id of a figure that has a limit. */
export type LimitedSize = keyof typeof SIZE_LIMITS;

/** Most bytes of the page of the session view. */
export const MAX_PAGE_BYTES = SIZE_LIMITS["sizes.page"] * 1e3;
