import { expect, test } from "vitest";
import { comparePictures, decodePng, encodePng, type Picture, shrinkPicture } from "./picture.ts";

/** A picture whose pixels have the given greys. */
function greys(rows: readonly (readonly number[])[]): Picture {
  const data = rows.flatMap((row) => row.flatMap((grey) => [grey, grey, grey, 255]));
  return { width: rows[0]?.length ?? 0, height: rows.length, data: Uint8Array.from(data) };
}

/** A page of 80 by 40 pixels with a white column of 8 that begins at `left`. */
const withColumn = (left: number): Picture =>
  greys(Array.from({ length: 40 }, () => Array.from({ length: 80 }, (_, x) => (x >= left && x < left + 8 ? 255 : 0))));

test("a PNG keeps every pixel", () => {
  const picture = withColumn(16);
  expect(decodePng(encodePng(picture))).toMatchObject({ width: 80, height: 40 });
  expect([...decodePng(encodePng(picture)).data]).toEqual([...picture.data]);
});

test("each pixel of the small picture is the mean of its square, and what is left of a square is left out", () => {
  const shrunk = shrinkPicture(
    greys([
      [0, 100, 8, 8, 255],
      [100, 200, 8, 8, 255],
      [255, 255, 255, 255, 255],
    ]),
    2,
  );
  expect(shrunk).toEqual(greys([[100, 8]]));
});

test("the share of differing pixels is counted, and the same picture differs in none", () => {
  expect(comparePictures(withColumn(16), withColumn(16)).share).toBe(0);
  // The column has left 4 of 80 columns and entered 4 others.
  expect(comparePictures(withColumn(20), withColumn(16)).share).toBe(8 / 80);
});

test("pictures of different sizes differ altogether", () => {
  expect(comparePictures(greys([[0, 0]]), greys([[0]])).share).toBe(1);
});

test("an edge drawn half a pixel softer is the same in the small picture, and one that moved is not", () => {
  const soft = withColumn(16);
  for (let row = 0; row < 40; row += 1) {
    for (let channel = 0; channel < 3; channel += 1) soft.data[(row * 80 + 16) * 4 + channel] = 200;
  }
  const reference = shrinkPicture(withColumn(16), 4);
  expect(comparePictures(shrinkPicture(soft, 4), reference).share).toBe(0);
  expect(comparePictures(shrinkPicture(withColumn(20), 4), reference).share).toBeGreaterThan(0.05);
});
