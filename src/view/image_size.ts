/**
 * Reads the size of an image from its first bytes, so that a small file with a huge image is not
 * decoded.
 *
 * @module
 */

/** Width and height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Returns the size that the header of a PNG, JPEG, GIF or WebP image states; undefined for anything
 * else. Formats: PNG (ISO/IEC 15948, 11.2.2), JPEG (ITU-T T.81, B.2.2), GIF89a (18), and WebP
 * (RFC 9649, 2).
 */
export function imageSize(bytes: Uint8Array): ImageSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const [width, height] = sizeIn(view) ?? [0, 0];
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    // The bytes end before the size does.
    return undefined;
  }
}

type Pair = readonly [width: number, height: number];

function sizeIn(view: DataView): Pair | undefined {
  const start = textAt(view, 0, 4);
  if (start === "\x89PNG") return [view.getUint32(16), view.getUint32(20)];
  if (start === "GIF8") return [view.getUint16(6, true), view.getUint16(8, true)];
  if (start === "RIFF" && textAt(view, 8, 4) === "WEBP") return webpSize(view);
  if (view.getUint16(0) === 0xff_d8) return jpegSize(view);
  return undefined;
}

function webpSize(view: DataView): Pair | undefined {
  switch (textAt(view, 12, 4)) {
    case "VP8 ":
      return [view.getUint16(26, true) & 0x3f_ff, view.getUint16(28, true) & 0x3f_ff];
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return [(bits & 0x3f_ff) + 1, ((bits >>> 14) & 0x3f_ff) + 1];
    }
    case "VP8X":
      return [
        1 + view.getUint16(24, true) + (view.getUint8(26) << 16),
        1 + view.getUint16(27, true) + (view.getUint8(29) << 16),
      ];
    default:
      return undefined;
  }
}

/** Markers of a JPEG frame, but for those of tables that lie between them. */
const TABLES_AMONG_FRAMES = [0xc4, 0xc8, 0xcc];

function jpegSize(view: DataView): Pair | undefined {
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !TABLES_AMONG_FRAMES.includes(marker)) {
      return [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function textAt(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint8(at + index)));
}
