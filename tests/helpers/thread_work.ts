/**
 * Keeps count of what the runtime's threads do for this process. It takes real time, and no number
 * of turns of the event loop says that it is done: on a busy machine it may take many.
 *
 * @module
 */

const working = new Set<Promise<unknown>>();

function counted(work: unknown): unknown {
  if (work instanceof Promise) {
    const over = work.then(() => {}, () => {}).finally(() => working.delete(over));
    working.add(over);
  }
  return work;
}

/** Counts the calls of a method that returns promises. */
function count(owner: object, name: string): void {
  const method: unknown = Reflect.get(owner, name);
  if (typeof method !== "function") return;
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    value(...args: unknown[]): unknown {
      return counted(Reflect.apply(method, this, args));
    },
  });
}

for (const name of Object.getOwnPropertyNames(SubtleCrypto.prototype)) {
  if (name !== "constructor") count(SubtleCrypto.prototype, name);
}

/** Waits until no thread works for this process, what follows on its results included. */
export async function threadsRest(): Promise<void> {
  while (working.size > 0) await Promise.all(working);
}
