import type { ApiAccessConfig } from "../../src/config/config.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../../src/simulator/mod.ts";
import { ManualClock, settle } from "./manual_clock.ts";
import { type RecordedProgram, recordProgram } from "./program.ts";

/** A person's terminal, and a workspace that outlives the commands typed there. */
export interface Terminal {
  readonly clock: ManualClock;
  readonly simulator: Simulator;
  readonly access: ApiAccessConfig;
  /** Requests that commands have made, such as `GET /v1/agents`. */
  readonly requests: string[];
  /** Makes a program for one command. */
  program(overrides?: Partial<RecordedProgram>): RecordedProgram;
  /** Runs a command to its end; the clock goes on meanwhile. */
  run<T>(command: Promise<T>): Promise<T>;
}

/** Opens a terminal whose key reaches a new simulated workspace. */
export function openTerminal(options: SimulatorOptions = {}): Terminal {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, ...options });
  const requests: string[] = [];
  const client = {
    fetch: (url: string, init: RequestInit) => {
      requests.push(`${init.method ?? "GET"} ${new URL(url).pathname}`);
      return simulator.fetch(new Request(url, init));
    },
    close: () => {},
  };
  return {
    clock,
    simulator,
    requests,
    access: {
      simulate: false,
      credential: { kind: "api_key", value: "sk-ant-not-a-real-key" },
      server: { baseUrl: "http://api.invalid" },
    },
    program: (overrides) => recordProgram({ clock, openHttpClient: () => client, ...overrides }),
    async run(command) {
      let done = false;
      const end = command.finally(() => done = true);
      end.catch(() => {});
      while (!done) await (clock.pendingTimers > 0 ? clock.advance(50) : settle());
      return await end;
    },
  };
}
