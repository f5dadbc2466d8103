import { words } from "../../words";

/** "30 minutes", "3 hours", "2 days". */
export function duration(minutes: number): string {
  const w = words.value;
  if (minutes % 1440 === 0) return w.offer.nDays(minutes / 1440);
  if (minutes % 60 === 0) return w.offer.nHours(minutes / 60);
  return w.common.minutes(minutes);
}

/** The days of the week, Monday first. */
export function weekdays(form: "day" | "days"): string[] {
  const w = words.value.offer[form];
  return [w.d0, w.d1, w.d2, w.d3, w.d4, w.d5, w.d6];
}
