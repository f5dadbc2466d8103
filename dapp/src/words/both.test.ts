import { describe, expect, test } from "vitest";
import { en } from "./en";
import { errors as errorsEn } from "./errors.en";
import { errors as errorsZh } from "./errors.zh";
import { zh } from "./zh";

/** The same in every language: names, plugs, formats, kilowatts. */
const NAMES =
  /\b(?:Berth|MetaMask|Rabby|CHAdeMO|NACS|CCS|Type|JSON|RPC|CORS|SHA|https?|kW|km|min|OpenStreetMap|Waze)\b/g;
const CHINESE = /[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/;
const LATIN = /[A-Za-z]{2,}/g;

/** Every text by its name; functions are called with a number of things. */
function texts(branch: object, path = ""): [string, string][] {
  return Object.entries(branch).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    const name = path ? `${path}.${key}` : key;
    if (typeof value === "string") return [[name, value]];
    if (typeof value !== "function") return texts(value as object, name);
    return [1, 2, 1440].map((n) => [`${name}(${n})`, told(value as Telling, n)]);
  });
}

type Telling = (...args: number[]) => string;

function told(telling: Telling, n: number): string {
  return telling(...Array.from({ length: telling.length }, () => n));
}

function words(text: string): string[] {
  return text.replace(NAMES, "").match(LATIN) ?? [];
}

describe("English and Chinese", () => {
  const english = texts({ ...en, errors: errorsEn });
  const chinese = texts({ ...zh, errors: errorsZh });

  test("say the same things", () => {
    expect(chinese.map(([name]) => name)).toEqual(english.map(([name]) => name));
    expect(english.length).toBeGreaterThan(700);
  });

  test("never say them in the same words by accident", () => {
    const other = new Map(chinese);
    const same = english.filter(([name, text]) => other.get(name) === text && words(text).length);
    expect(same).toEqual([]);
  });

  test("leave nothing in the other's words", () => {
    expect(english.filter(([, text]) => CHINESE.test(text))).toEqual([]);
    expect(chinese.filter(([, text]) => words(text).length)).toEqual([]);
  });

  test("leave nothing empty, and no space at an end", () => {
    const bad = [...english, ...chinese].filter(([, text]) => text === "" || text !== text.trim());
    expect(bad).toEqual([]);
  });

  test("keep to their own marks: no space beside a Chinese one, no English one among Chinese", () => {
    const spaced = /\s[，。；：！？、（）“”]|[，。；：！？、（）“”]\s/;
    const english = /[\u3400-\u9fff]\s*[,;:!?]|[,;:!?.()]\s*[\u3400-\u9fff]/;
    expect(chinese.filter(([, text]) => spaced.test(text) || english.test(text))).toEqual([]);
  });
});
