/**
 * MCP over a WebSocket, each message a text: a browser's way to a program on stdio.
 *
 * @module
 */

import {
  deserializeMessage,
  type JSONRPCMessage,
  serializeMessage,
  type Transport,
} from "@modelcontextprotocol/client";

/** A transport whose other end is a relay to a program. */
export class SocketTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
  }

  async start(): Promise<void> {
    this.#socket.onmessage = ({ data }) => {
      this.onmessage?.(deserializeMessage(String(data)));
    };
    this.#socket.onclose = () => this.onclose?.();
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = () => reject(new Error("The relay cannot be reached"));
    });
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#socket.send(serializeMessage(message));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#socket.close();
    return Promise.resolve();
  }
}
