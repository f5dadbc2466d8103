/** Sizes of cars, and how well one fits into a space. */

export const SIZES = ["small", "medium", "large", "van"] as const;
export type Size = (typeof SIZES)[number];

export interface Measures {
  heightCm: number;
  widthCm: number;
  lengthCm: number;
}

/** Of nearly all cars that people call so. */
export const MEASURES: Readonly<Record<Size, Measures>> = {
  small: { heightCm: 155, widthCm: 180, lengthCm: 410 },
  medium: { heightCm: 165, widthCm: 190, lengthCm: 470 },
  large: { heightCm: 185, widthCm: 205, lengthCm: 510 },
  van: { heightCm: 260, widthCm: 210, lengthCm: 600 },
};

export function sizeOf(text: string | null | undefined): Size | null {
  return SIZES.find((one) => one === text) ?? null;
}

export interface Fit {
  /** Room to spare in the tightest direction, cm; negative: it does not fit. */
  spareCm: number;
  where: "height" | "width" | "length";
}

/** A height of 0 is open air. */
export function fit(space: Measures, car: Measures): Fit {
  const all: Fit[] = [
    { where: "width", spareCm: space.widthCm - car.widthCm },
    { where: "length", spareCm: space.lengthCm - car.lengthCm },
  ];
  if (space.heightCm > 0) all.push({ where: "height", spareCm: space.heightCm - car.heightCm });
  return all.reduce((tightest, one) => (one.spareCm < tightest.spareCm ? one : tightest));
}
