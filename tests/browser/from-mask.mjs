// Makes the truth of one structure out of a mask: `pixels`, row by row, in which the structure has the value `value`.

export function fromMask({ width, height, pixels, value }) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && pixels[Math.round(y) * width + Math.round(x)] === value;
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  const members = [];
  let sumX = 0, sumY = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x] !== value) continue;
      [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
      members.push([x, y]);
      sumX += x;
      sumY += y;
    }
  }
  if (!members.length) throw new Error(`expected pixels of value ${value} in the mask; there are none`);
  // The centre of gravity of a bent structure may lie outside of it, so the point is the member next to it.
  const [cx, cy] = [sumX / members.length, sumY / members.length];
  const [x, y] = members.reduce((best, p) => Math.hypot(p[0] - cx, p[1] - cy) < Math.hypot(best[0] - cx, best[1] - cy) ? p : best);
  return { x, y, box: [x0, y0, x1, y1], inside };
}
