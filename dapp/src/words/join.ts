/** How texts are joined: English has spaces where Chinese has none, and marks of its own. */
import { language } from "./index";

type Said = string | false | null | undefined;

/** Sentences after one another; what is not said leaves no gap. */
export function sentences(...said: readonly Said[]): string {
  return said.filter(Boolean).join(gap());
}

/** What stands between two sentences, where one of them is set otherwise. */
export function gap(): string {
  return language.value === "zh" ? "" : " ";
}

/** Things of one kind in a row: "a, b". */
export function listed(things: readonly Said[]): string {
  return things.filter(Boolean).join(language.value === "zh" ? "、" : ", ");
}

/** Rows of things in a row: "a, b; c". */
export function rowed(rows: readonly Said[]): string {
  return rows.filter(Boolean).join(language.value === "zh" ? "；" : "; ");
}

/** What something is called, and what it says: "a: b". */
export function headed(head: string, said: string): string {
  return language.value === "zh" ? `${head}：${said}` : `${head}: ${said}`;
}

/** A text with a note to it: "a (b)". */
export function noted(text: string, note: string): string {
  return language.value === "zh" ? `${text}（${note}）` : `${text} (${note})`;
}
