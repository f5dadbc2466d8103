import { dress, look, type Look } from "../look";
import { language, LANGUAGES, speak, words, type Language } from "../words";

const NAMES: Record<Language, string> = { en: "English", zh: "中文" };
const LOOKS: readonly Look[] = ["auto", "light", "dark"];

/** Language and look, each with all that there is. */
export function Settings() {
  const w = words.value.common;
  const looks: Record<Look, string> = { auto: w.lookAuto, light: w.lookLight, dark: w.lookDark };
  return (
    <section class="card stack">
      <h2>{words.value.wallet.account.settings}</h2>
      <fieldset class="segments">
        <legend>{w.language}</legend>
        {LANGUAGES.map((one) => (
          <label key={one} lang={one === "zh" ? "zh-CN" : "en"}>
            <input
              type="radio"
              name="language"
              checked={language.value === one}
              onChange={() => speak(one)}
            />
            {NAMES[one]}
          </label>
        ))}
      </fieldset>
      <fieldset class="segments">
        <legend>{w.look}</legend>
        {LOOKS.map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="look"
              checked={look.value === one}
              onChange={() => dress(one)}
            />
            {looks[one]}
          </label>
        ))}
      </fieldset>
    </section>
  );
}
