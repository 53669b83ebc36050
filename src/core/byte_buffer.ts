/**
 * Joins bytes that come in pieces.
 *
 * @module
 */

/** Smallest capacity of a buffer that holds more than one piece, in bytes. */
const MIN_CAPACITY = 1024;

/**
 * Collects pieces, however many and however small, in memory of at most four times their length:
 * an attacker may send a body byte by byte.
 */
export class ByteBuffer {
  #bytes = new Uint8Array();
  #length = 0;
  /** True while the buffer is the caller's own first piece, which must not be written to. */
  #borrowed = true;

  /** Number of bytes collected. */
  get byteLength(): number {
    return this.#length;
  }

  /** Adds a piece; a first one is kept as it is and must not change. */
  add(piece: Uint8Array): void {
    if (piece.byteLength === 0) return;
    const length = this.#length + piece.byteLength;
    if (this.#length === 0) {
      this.#bytes = piece as Uint8Array<ArrayBuffer>;
      this.#borrowed = true;
    } else {
      if (this.#borrowed || length > this.#bytes.byteLength) this.#grow(length);
      this.#bytes.set(piece, this.#length);
    }
    this.#length = length;
  }

  /** All bytes; valid until the next piece is added. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(MIN_CAPACITY, 2 * length));
    larger.set(this.bytes());
    this.#bytes = larger;
    this.#borrowed = false;
  }
}
