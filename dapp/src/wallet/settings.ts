/** What the installation says about its chain and about who pays for transactions. */
import { config, type Config } from "../config";
import { WalletError } from "./errors";

export type ChainSettings = Config["chain"];

export function settings(): Config {
  const found = config.value;
  // nothing that needs a wallet is shown before the configuration is there
  if (!found) throw new WalletError("disconnected", "no configuration");
  return found;
}

export function chainSettings(found: Config = settings()): ChainSettings {
  return found.chain;
}
