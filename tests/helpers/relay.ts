import net from "node:net";

/**
 * How a connection fails: `closed` ends it in order, `reset` ends it by RST, `half-closed` ends
 * only the server's side, `mute` keeps it open but lets no byte through, either way.
 */
export type Blow = "closed" | "reset" | "half-closed" | "mute";

export const BLOWS: readonly Blow[] = ["closed", "reset", "half-closed", "mute"];

/** A connection through a relay. */
export interface Link {
  /** The port from which the relay calls the server. */
  readonly port: number;
  /** The number of bytes that the client's system has received. */
  readonly delivered: number;
  /** Resolves when more than `bytes` have been delivered, or the link has ended. */
  deliveredMoreThan(bytes: number): Promise<void>;
  strike(blow: Blow): void;
}

class RelayedLink implements Link {
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #watchers = new Set<() => void>();
  #mute = false;
  #ended = false;
  delivered = 0;
  port = 0;

  constructor(client: net.Socket, target: number, links: Set<RelayedLink>, onOpen: () => void) {
    this.#client = client;
    this.#server = net.connect({ host: "127.0.0.1", port: target, allowHalfOpen: true });
    this.#server.once("connect", () => {
      this.port = this.#server.localPort ?? 0;
      links.add(this);
      onOpen();
    });
    client.on("data", (bytes) => this.#mute || this.#server.write(bytes));
    client.on("end", () => this.#mute || this.#server.end());
    this.#server.on("data", (bytes: Uint8Array) => {
      if (this.#mute) return;
      client.write(bytes, () => {
        this.delivered += bytes.length;
        this.#told();
      });
    });
    this.#server.on("end", () => this.#mute || client.end());
    const end = () => {
      if (this.#ended) return;
      this.#ended = true;
      links.delete(this);
      client.destroy();
      this.#server.destroy();
      this.#told();
    };
    for (const socket of [client, this.#server]) {
      socket.on("error", end);
    }
    client.on("close", end);
    this.#server.on("close", () => this.#mute || end());
  }

  #told(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  deliveredMoreThan(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (this.delivered <= bytes && !this.#ended) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  strike(blow: Blow): void {
    switch (blow) {
      case "closed":
        this.#client.destroy();
        return;
      case "reset":
        this.#client.resetAndDestroy();
        return;
      case "half-closed":
        this.#client.end();
        return;
      case "mute":
        this.#mute = true;
        return;
    }
  }
}

/** A relay on loopback between clients and a server, which can make connections fail. */
export class Relay {
  readonly #server: net.Server;
  readonly #links = new Set<RelayedLink>();
  readonly #sockets = new Set<net.Socket>();
  readonly #watchers = new Set<() => void>();
  /** The number of connections that were accepted. */
  accepted = 0;

  private constructor(targetPort: number) {
    this.#server = net.createServer({ allowHalfOpen: true }, (client) => {
      this.accepted++;
      this.#sockets.add(client);
      client.on("close", () => this.#sockets.delete(client));
      new RelayedLink(client, targetPort, this.#links, () => {
        for (const watcher of this.#watchers) watcher();
        this.#watchers.clear();
      });
    });
  }

  static async start(targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("No port");
    return address.port;
  }

  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** Returns the link that reaches the server from a port, as soon as the relay knows it. */
  async linkFrom(port: number): Promise<Link> {
    for (;;) {
      const link = this.links.find((link) => link.port === port);
      if (link) return link;
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** Ends it and every connection through it. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
