/**
 * Images and documents that simulated agents write.
 *
 * @module
 */

const WIDTH = 320;
const HEIGHT = 180;
/** Bits of a pixel, which is a place in the palette. */
const DEPTH = 2;
/** White, blue, grey, and one that is not used. */
const PALETTE = [0xff, 0xff, 0xff, 0x2f, 0x6f, 0xb5, 0x88, 0x88, 0x88, 0, 0, 0];
/** The pixels around the bars. */
const MARGIN = 10;

/** Draws numbers >= 0 as the bars of a chart, as a PNG. */
export function pngOf(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const highest = Math.max(1, ...values);
  const step = (WIDTH - 2 * MARGIN) / Math.max(1, values.length);
  const colorAt = (x: number, y: number) => {
    if (y === HEIGHT - MARGIN) return 2;
    const place = (x - MARGIN) / step;
    const value = values[Math.floor(place)];
    if (value === undefined || place % 1 > 0.7 || y > HEIGHT - MARGIN) return 0;
    return y >= HEIGHT - MARGIN - value / highest * (HEIGHT - 2 * MARGIN) ? 1 : 0;
  };
  const rowBytes = WIDTH * DEPTH / 8;
  const pixels = new Uint8Array(HEIGHT * (1 + rowBytes));
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = y * (1 + rowBytes) + 1 + (x * DEPTH >> 3);
      pixels[at] = (pixels[at] ?? 0) | colorAt(x, y) << 6 - x * DEPTH % 8;
    }
  }
  return joined([
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    // A palette, no filter of its own, not interlaced.
    chunk("IHDR", [...bigEndian(WIDTH), ...bigEndian(HEIGHT), DEPTH, 3, 0, 0, 0]),
    chunk("PLTE", PALETTE),
    chunk("IDAT", stored(pixels)),
    chunk("IEND", []),
  ]);
}

/** Returns bytes as a zlib stream of one block that is not compressed (RFC 1950, RFC 1951). */
function stored(bytes: Uint8Array): Uint8Array {
  const { byteLength } = bytes;
  if (byteLength > 0xffff) throw new RangeError("One block holds 65,535 bytes");
  const sizes = [byteLength, ~byteLength & 0xffff].flatMap((size) => [size & 0xff, size >> 8]);
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return joined([[0x78, 0x01, 1, ...sizes], bytes, bigEndian(b * 0x10000 + a)]);
}

function chunk(type: string, content: ArrayLike<number>): Uint8Array {
  const body = joined([new TextEncoder().encode(type), content]);
  return joined([bigEndian(content.length), body, bigEndian(crc32(body))]);
}

/** Computes the check sum of a chunk (ISO 3309). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function bigEndian(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => value >>> shift & 0xff);
}

function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Writes lines of ASCII on a page, as a PDF. */
export function pdfOf(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  const shown = lines.map((line) => `(${line.replace(/[\\()]/g, "\\$&")}) '`).join("\n");
  const page = `BT /F1 12 Tf 16 TL 50 790 Td\n${shown}\nET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R " +
    "/Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${page.length} >>\nstream\n${page}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let text = "%PDF-1.4\n";
  const places: number[] = [];
  for (const [index, object] of objects.entries()) {
    places.push(text.length);
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const entries = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  const count = objects.length + 1;
  text += `xref\n0 ${count}\n0000000000 65535 f \n${entries}` +
    `trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  return new TextEncoder().encode(text);
}
