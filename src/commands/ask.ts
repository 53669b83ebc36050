/**
 * `cma-mcp ask`: one turn of an agent from the terminal.
 *
 * Stdout has the reply, or the result as JSON, and nothing else; stderr has the session's id, what
 * the agent is doing, and what to do where the turn ended without an answer.
 *
 * @module
 */

import type { AskConfig } from "../config/config.ts";
import { ASK_EXIT, EXIT } from "../config/exit_codes.ts";
import { ToolError, UsageError } from "../core/errors.ts";
import { kindOfId } from "../core/ids.ts";
import { redactValue } from "../core/redact.ts";
import { firstChars, plainLine, plainText, printableJson } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import type { PendingAction } from "../session/pending_actions.ts";
import type { WaitResult } from "../session/result.ts";
import { createSession } from "../tools/create_session.ts";
import type { ToolCall } from "../tools/define.ts";
import { agentRef } from "../tools/get_session.ts";
import { MAX_MESSAGE_CHARS, sendMessage } from "../tools/send_message.ts";
import { AnswerSender } from "../session/answer_sender.ts";
import { waitAttended } from "../session/attended_wait.ts";
import { askOnTerminal, noteOutcome } from "./ask_approvals.ts";
import type { App } from "./serve/app.ts";
import { readStdin } from "./stdin.ts";
import {
  checkEnvironmentChoice,
  findAgent,
  type FoundAgent,
  isCalled,
  waitOn,
  withApp,
} from "./workspace.ts";

/** More bytes are not read from stdin: they cannot be a message. */
const MAX_STDIN_BYTES = 4 * MAX_MESSAGE_CHARS;

/** Longest reply, in characters: no model reads it, so that it may be longer than a tool's. */
const MAX_REPLY_CHARS = 1024 * 1024;

/** A wait without a limit: timers cannot run longer, in milliseconds. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** Longest line of progress, in characters. */
const MAX_PROGRESS_CHARS = 200;

/**
 * Sends a message, waits until the turn is over, and prints the reply.
 *
 * @returns the exit code, by the status of the turn
 */
export async function ask(config: AskConfig, program: Program): Promise<number> {
  const text = config.text === "-"
    ? await readStdin(program, { what: "message", maxBytes: MAX_STDIN_BYTES })
    : config.text;
  checkText(text);
  return await withApp(config, program, async (app) => {
    const { stopping, liveLine, note } = program;
    const call = { signal: stopping, services: app.services, requestId: "ask" };
    let sessionId = config.session;
    let agent: FoundAgent | undefined;
    try {
      liveLine.show("sending");
      if (sessionId !== undefined) await goOn(config, sessionId, text, call);
      else {
        agent = await findAgent(config.agent ?? "", app, program);
        sessionId = await openSession(agent, text ?? "", app, program);
      }
      const result = await waitForReply(sessionId, config, call, program);
      await liveLine.hide();
      return report(result, config, program);
    } catch (error) {
      await liveLine.hide();
      if (!stopping.aborted) throw error;
      if (sessionId !== undefined) note(howToWaitOn(sessionId, config));
      // Before an agent is found nothing is sent.
      else if (agent) note("It is not known if the agent has begun: 'cma-mcp sessions' shows it");
      return EXIT.interrupted;
    }
  });
}

function checkText(text: string | undefined): void {
  if (text === undefined || text.length <= MAX_MESSAGE_CHARS) return;
  throw new UsageError(
    `The text is too long: a message has at most ${MAX_MESSAGE_CHARS} characters`,
  );
}

/** Starts a session with the text as its first message, and returns the session's id. */
async function openSession(
  agent: FoundAgent,
  text: string,
  app: App,
  program: Program,
): Promise<string> {
  const { note, redact, stopping: signal } = program;
  const call = { signal, services: app.services, requestId: "ask" };
  const args = { agent_id: agent.id, message: text };
  const session = await createSession.run(args, call).catch(async (error) => {
    if (!(error instanceof ToolError) || error.code !== "environment_required") throw error;
    await checkEnvironmentChoice(app, program);
    throw error;
  });
  const sessionId = String(session.session_id);
  note(redact.thorough(plainLine(`Session ${sessionId} with ${agent.name ?? agent.id}`)));
  // Some servers make a session without its first message.
  if (session.message_sent === false) await sendMessage.run({ session_id: sessionId, text }, call);
  return sessionId;
}

/** Sends the text to a session that is there; without one there is nothing to send. */
async function goOn(
  { agent: wanted }: AskConfig,
  sessionId: string,
  text: string | undefined,
  call: ToolCall,
): Promise<void> {
  if (wanted !== undefined) {
    const { api } = call.services;
    const agent = agentRef(await api.sessions.retrieve(sessionId, { signal: call.signal }));
    if (!isCalled(agent, wanted)) {
      const actual = plainLine(agent.name ?? agent.id ?? "another agent");
      throw new UsageError(
        `Session ${sessionId} is not with '${firstChars(plainLine(wanted), 100)}' but with ` +
          `${actual}: leave the agent out, or put the text into quotes`,
      );
    }
  }
  if (text === undefined) return;
  if (kindOfId(text) === "agent") {
    throw new UsageError("With --session the first word is the text, and that is an agent's id");
  }
  await sendMessage.run({ session_id: sessionId, text }, call);
}

/** Waits until the turn is over; a person at the terminal is asked for what it waits for. */
function waitForReply(
  sessionId: string,
  config: AskConfig,
  { signal, services }: ToolCall,
  program: Program,
): Promise<WaitResult> {
  const { liveLine, redact } = program;
  const person = askOnTerminal(program);
  // The log is on the terminal of the person, who is told of each decision in other words.
  const log = { ...services.log, info: services.log.debug };
  const answers = new AnswerSender({ ...services, log });
  return waitAttended({
    sessionId,
    timeoutMs: config.timeoutMs ?? MAX_WAIT_MS,
    replyChars: MAX_REPLY_CHARS,
    signal,
    onProgress: (message) => {
      // The question stands there.
      if (person.isAsking) return;
      liveLine.show(firstChars(redact.thorough(plainLine(message)), MAX_PROGRESS_CHARS));
    },
    ...(canAsk(config, program) && { person }),
    by: { mayAct: () => true },
    maxRounds: Infinity,
    onOutcomes: (outcomes) => {
      for (const outcome of outcomes) noteOutcome(outcome, program);
    },
  }, { ...services, answers, approvalTimeoutMs: Infinity });
}

/** True if a person sits at the terminal who may be asked, and stdin is for the answers. */
function canAsk({ json, text }: AskConfig, program: Program): boolean {
  return program.stdinIsTerminal && program.stderrIsTerminal && !json && text !== "-";
}

/** Prints the result, and what else there is to know of it. */
function report(result: WaitResult, config: AskConfig, program: Program): number {
  const { print, printExactly, stdoutIsTerminal, redact } = program;
  // What does not show is taken out first: a secret may be whole without it.
  const note = (line: string) => program.note(redact.thorough(plainLine(line)));
  const { status, errors, pending_actions: actions } = result;
  // A terminal acts on what an agent may have written; a file gets it as it is.
  const reply = redact.thorough(stdoutIsTerminal ? plainText(result.reply) : result.reply);
  // `next` speaks to a model, of tools.
  const { next: _, ...rest } = result;
  if (config.json) {
    print(printableJson(JSON.stringify(redactValue(rest, redact.thorough), null, 2)));
  } else if (reply !== "") printExactly(`${reply}\n`);
  for (const { type, message = "" } of errors) note(`error: ${type} ${message}`.trimEnd());
  for (const { kind, name = "a tool", event_id, input } of actions) {
    const what = kind === "tool_confirmation" ? "an approval" : "a result";
    note(`waits for ${what}: ${name} ${JSON.stringify(input ?? {})} (${event_id})`);
  }
  if (result.omitted) {
    note(`The beginning is left out: the Claude Console shows it, in session ${result.session_id}`);
  }
  const advice = adviceOn(result, config, canAsk(config, program));
  if (advice !== undefined) note(advice);
  if (actions.length > 0 && !config.json && !canAsk(config, program)) {
    // For a program that reads the end of stderr: it knows how to answer them.
    const open = { session_id: result.session_id, pending_actions: actions };
    program.note(printableJson(JSON.stringify(redactValue(open, redact.thorough))));
  }
  return ASK_EXIT[status];
}

function adviceOn(
  { status, reply, session_id: id, pending_actions: actions }: WaitResult,
  config: AskConfig,
  hasPerson: boolean,
): string | undefined {
  const again = `cma-mcp ask --session ${id}`;
  switch (status) {
    case "idle":
      return reply === "" ? "The turn is over without a reply" : undefined;
    case "requires_action":
      if (config.simulate) return END_OF_SIMULATION;
      if (actions.length > 0 && !actions.some((action) => asksAbout(action, config))) {
        return `The program that provides the tool gives its result; then type ${again}` +
          (hasPerson ? `; or give it yourself: ${again} --ask-custom-tools` : "");
      }
      return hasPerson
        ? `To be asked again: ${again}; or answer in the Claude Console first`
        : `Answer in the Claude Console; then type ${again}`;
    case "timeout":
      return howToWaitOn(id, config);
    case "retries_exhausted":
      return `The turn was given up after repeated errors. To try again: ${again} "<text>"`;
    case "budget_reached":
      return "The session's budget is used up: raise it in the Claude Console, or ask anew";
    case "refusal":
      return "The model declined to go on: ask in other words, or ask anew";
    case "terminated":
    case "deleted":
      return "The session takes no more messages: ask anew, without --session";
    case "not_started":
      return `The session has no message yet: type ${again} "<text>"`;
  }
}

/** True for a call that a person at the terminal is asked about. */
function asksAbout({ kind }: PendingAction, { server }: AskConfig): boolean {
  return kind === "tool_confirmation" || server.askCustomTools === true;
}

/** Says how to wait for a turn that goes on, as long as its session does. */
function howToWaitOn(sessionId: string, { simulate }: AskConfig): string {
  return simulate ? END_OF_SIMULATION : waitOn(sessionId);
}

const END_OF_SIMULATION =
  "The simulated session ends with this program: 'cma-mcp simulator' keeps sessions";
