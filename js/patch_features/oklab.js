// Colours of three numbers in OKLab (Ottosson 2020): the 1st is lightness, the 2nd runs from blue to
// yellow, the 3rd from green to red, so that the weakest component takes the axis that colour-blind
// people lose. What sRGB cannot show keeps its lightness and hue, and loses chroma. The same in
// Python: export/stills/oklab.py.

const LIGHTNESS = [0.4, 0.92];
const BLUE_YELLOW = 0.19;
const GREEN_RED = 0.17;
const HALVINGS = 8;

/** @typedef {[r: number, g: number, b: number]} Color  0..255 */

/** Linear light of sRGB, beyond 0..1 where it cannot be shown. @param {number} L @param {number} a @param {number} b @returns {Color} */
function linear(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** @param {Color} color */
const isShown = (color) => color.every((one) => one >= -1e-6 && one <= 1 + 1e-6);

/** @param {number} light  linear */
function encoded(light) {
  const x = Math.min(1, Math.max(0, light));
  return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
}

/**
 * @param {number} first  −1..1
 * @param {number} second
 * @param {number} third
 * @returns {Color}
 */
export function componentColor(first, second, third) {
  const [low = 0, high = 1] = LIGHTNESS;
  const L = low + ((high - low) * (first + 1)) / 2;
  const [a, b] = [GREEN_RED * third, BLUE_YELLOW * second];
  let found = linear(L, a, b);
  if (!isShown(found)) {
    let [inside, outside] = [0, 1];
    for (let i = 0; i < HALVINGS; i++) {
      const share = (inside + outside) / 2;
      if (isShown(linear(L, share * a, share * b))) inside = share;
      else outside = share;
    }
    found = linear(L, inside * a, inside * b);
  }
  return [encoded(found[0]), encoded(found[1]), encoded(found[2])];
}
