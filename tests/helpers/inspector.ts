/** What another process holds, by the inspector protocol of V8, which Deno and Node serve. */
export interface Held {
  /** Bytes of live objects: taken after a collection. */
  readonly heapBytes: number;
  /** Timers that are set. */
  readonly timers: number;
  /** Entries of all maps and sets together. */
  readonly entries: number;
  /** Entries of the largest of them. */
  readonly mostEntries: number;
  /** The sizes of the largest maps and sets, with the first key of each. */
  readonly largest: readonly string[];
}

/** What {@linkcode COUNT_ENTRIES} returns. */
interface Entries {
  readonly entries: number;
  readonly most: number;
  readonly largest: readonly string[];
}

interface Evaluated {
  readonly objectId?: string;
  readonly value?: unknown;
}

/** How long the process may take to answer, in milliseconds. */
const ANSWER_MS = 60_000;

const COUNT_TIMERS = `(globalThis.process ?? globalThis[Symbol.for("process")])
  .getActiveResourcesInfo().filter((kind) => /timeout|immediate/i.test(kind)).length`;

/** Runs on an array of all maps, or of all sets; \`size\` fails on the prototypes among them. */
const COUNT_ENTRIES = `function () {
  const sizes = [];
  for (const one of this) {
    try {
      if (one.size > 0) sizes.push([one.size, String(one.keys().next().value).slice(0, 40)]);
    } catch {}
  }
  sizes.sort(([a], [b]) => b - a);
  return {
    entries: sizes.reduce((sum, [size]) => sum + size, 0),
    most: sizes[0]?.[0] ?? 0,
    largest: sizes.slice(0, 5).map(([size, key]) => size + " (" + key + ")"),
  };
}`;

/** Asks a process that was started with `--inspect` what it holds. */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, (result: Record<string, unknown>) => void>();
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result, error }: {
        id: number;
        result?: Record<string, unknown>;
        error?: unknown;
      } = JSON.parse(data);
      this.#pending.get(id)?.(result ?? { error });
      this.#pending.delete(id);
    };
  }

  /** @param url the address that the process prints behind `Debugger listening on` */
  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot reach the inspector at ${url}`));
    });
    return new Inspector(socket);
  }

  async held(): Promise<Held> {
    // Twice: what a first collection finalizes, a second one frees.
    for (let i = 0; i < 2; i++) await this.#ask("HeapProfiler.collectGarbage");
    const { usedSize } = await this.#ask("Runtime.getHeapUsage");
    const timers = await this.#evaluate(COUNT_TIMERS, true);
    const maps = await this.#entriesOf("Map");
    const sets = await this.#entriesOf("Set");
    return {
      heapBytes: Number(usedSize),
      timers: Number(timers.value),
      entries: maps.entries + sets.entries,
      mostEntries: Math.max(maps.most, sets.most),
      largest: [...maps.largest, ...sets.largest],
    };
  }

  async #entriesOf(kind: "Map" | "Set") {
    const objectGroup = "held";
    const { objectId: prototypeObjectId } = await this.#evaluate(`${kind}.prototype`, false);
    const { objects } = await this.#ask<{ objects: Evaluated }>("Runtime.queryObjects", {
      prototypeObjectId,
      objectGroup,
    });
    const { result } = await this.#ask<{ result: Evaluated }>("Runtime.callFunctionOn", {
      objectId: objects.objectId,
      functionDeclaration: COUNT_ENTRIES,
      returnByValue: true,
    });
    await this.#ask("Runtime.releaseObjectGroup", { objectGroup });
    return result.value as Entries;
  }

  async #evaluate(expression: string, returnByValue: boolean): Promise<Evaluated> {
    const params = { expression, returnByValue, objectGroup: "held" };
    return (await this.#ask<{ result: Evaluated }>("Runtime.evaluate", params)).result;
  }

  #ask<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
      this.#pending.set(id, (result) => {
        clearTimeout(timer);
        if ("error" in result) reject(new Error(`${method}: ${JSON.stringify(result.error)}`));
        else resolve(result as T);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
