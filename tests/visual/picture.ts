/** Pictures in memory, and how references are made of them and compared. */
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";

/** Red, green, blue and alpha of each pixel, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Colours that differ by less are the same: another version of Chromium draws the edges of letters otherwise. Between 0 and 1. */
const COLOUR_THRESHOLD = 0.06;

/** Reads a PNG. Throws if it is none. */
export function decodePng(bytes: Buffer): Picture {
  const { width, height, data } = PNG.sync.read(bytes);
  return { width, height, data };
}

/** Writes a PNG, without its alpha. */
export function encodePng({ width, height, data }: Picture): Buffer {
  const png = new PNG({ width, height });
  png.data.set(data);
  return PNG.sync.write(png, { colorType: 2, deflateLevel: 9 });
}

/**
 * The mean of each square of `cell` pixels; what is left of a square at the right and at the foot is not in it. Such a picture is
 * small, and the means of letters hardly depend on how their edges are drawn.
 */
export function shrinkPicture({ width, height, data }: Picture, cell: number): Picture {
  const [columns, rows] = [Math.floor(width / cell), Math.floor(height / cell)];
  const shrunk = new Uint8Array(columns * rows * 4);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      for (let channel = 0; channel < 4; channel += 1) {
        let sum = 0;
        for (let y = 0; y < cell; y += 1) {
          const at = ((row * cell + y) * width + column * cell) * 4 + channel;
          for (let x = 0; x < cell; x += 1) sum += data[at + x * 4] ?? 0;
        }
        shrunk[(row * columns + column) * 4 + channel] = Math.round(sum / (cell * cell));
      }
    }
  }
  return { width: columns, height: rows, data: shrunk };
}

/** What differs between two pictures. */
export interface PictureDifference {
  /** Differing pixels, as a share of all; 1 for pictures of different sizes. */
  readonly share: number;
  /** The reference, pale, with the differing pixels in red. */
  readonly picture: Picture;
}

/** Compares two pictures pixel by pixel, by the colours as eyes tell them apart. */
export function comparePictures(actual: Picture, reference: Picture): PictureDifference {
  const { width, height } = reference;
  if (actual.width !== width || actual.height !== height) return { share: 1, picture: reference };
  const data = new Uint8Array(width * height * 4);
  const options = { threshold: COLOUR_THRESHOLD, includeAA: true };
  const count = pixelmatch(reference.data, actual.data, data, width, height, options);
  return { share: count / (width * height), picture: { width, height, data } };
}
