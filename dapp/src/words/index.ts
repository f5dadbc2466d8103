/** The reader's language and its words. `words.value.driver.find.search` is text or a function. */
import { computed, effect, signal } from "@preact/signals";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "en" | "zh";
export const LANGUAGES: readonly Language[] = ["en", "zh"];
const KEY = "berth.language";

function preferred(): Language {
  const kept = globalThis.localStorage?.getItem(KEY);
  if (kept === "en" || kept === "zh") return kept;
  const asked = globalThis.navigator?.languages ?? [];
  const first = asked
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((t) => t === "en" || t === "zh");
  return first === "zh" ? "zh" : "en";
}

export const language = signal<Language>(preferred());
export const words = computed(() => (language.value === "zh" ? zh : en));

/** Chooses a language and keeps the choice. */
export function speak(chosen: Language): void {
  language.value = chosen;
  localStorage.setItem(KEY, chosen);
}

effect(() => {
  if (globalThis.document) document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});
