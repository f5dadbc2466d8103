import { config } from "../config";
import { Button } from "../parts/Button";
import { Notice } from "../parts/Notice";
import { online } from "../api/online";
import { chainSettings } from "../wallet/settings";
import { ended } from "../wallet/state";
import { words } from "../words";
import { signIn } from "./Header";

/** Bands over the whole page: a chain for trying out, a network that is away. */
export function Bands() {
  const w = words.value.common;
  const found = config.value;
  return (
    <>
      {found && chainSettings(found).local && <p class="banner">{w.localChain}</p>}
      <div role="status" data-where="network" data-state={online.value ? undefined : "offline"}>
        {!online.value && <p class="banner">⚠ {w.offline}</p>}
      </div>
    </>
  );
}

/** Why somebody who was signed in is not any more, until they have seen it. */
export function Ended() {
  const w = words.value.wallet.ended;
  const why = ended.value;
  if (!why) return null;
  return (
    <div class="told" data-where="session" data-state={`ended-${why}`}>
      <Notice tone="warn" title={w[why]}>
        <div class="row">
          <Button kind="main" onPress={signIn}>
            {why === "locked" ? w.unlock : w.again}
          </Button>
          <Button
            kind="plain"
            onPress={() => {
              ended.value = null;
            }}
          >
            {words.value.common.close}
          </Button>
        </div>
      </Notice>
    </div>
  );
}
