import { words } from "../words";
import { locale } from "../words/format";
import { listed } from "../words/join";

/** A charger in words: "Charger 22 kW (Type 2, CCS 2)"; what there is for none. */
export function chargerWords(powerW: number, connectors: readonly string[]): string {
  const { driver, owner } = words.value;
  if (powerW === 0 || connectors.length === 0) return owner.noCharger;
  const plugs: Readonly<Record<string, string>> = driver.plugs;
  const names = listed(connectors.map((one) => plugs[one] ?? one));
  return owner.charger(new Intl.NumberFormat(locale()).format(powerW / 1000), names);
}
