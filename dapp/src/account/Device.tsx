import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Confirm } from "../parts/Confirm";
import { Copy } from "../parts/Copy";
import { Notice } from "../parts/Notice";
import { deleteGuest, GUEST, guestAddress, guestKey } from "../wallet/guest";
import { signOut } from "../wallet/session";
import { account } from "../wallet/state";
import { words } from "../words";
import { eraseDevice } from "./erase";

/** What this browser keeps: the test wallet's key, settings, copies for use without a network. */
export function Device() {
  const w = words.value.wallet.account;
  const [asked, setAsked] = useState<"guest" | "all" | null>(null);
  async function forgetGuest(): Promise<void> {
    if (account.value?.choice.id === GUEST) await signOut();
    deleteGuest();
    setAsked(null);
  }
  return (
    <>
      {guestAddress.value && <Guest onDelete={() => setAsked("guest")} />}
      <section class="card stack">
        <h2>{w.onDevice}</h2>
        <p>{w.eraseText}</p>
        <div>
          <Button kind="bad" onPress={() => setAsked("all")}>
            {w.erase}
          </Button>
        </div>
      </section>
      {asked === "guest" && (
        <Confirm
          title={w.deleteAsk}
          yes={w.deleteYes}
          no={w.keepIt}
          onYes={forgetGuest}
          onNo={() => setAsked(null)}
        >
          <p>{w.deleteText}</p>
        </Confirm>
      )}
      {asked === "all" && (
        <Confirm
          title={w.eraseAsk}
          yes={w.eraseYes}
          no={w.keepIt}
          onYes={eraseDevice}
          onNo={() => setAsked(null)}
        >
          <p>{w.eraseText}</p>
          {guestAddress.value && <p>{w.deleteText}</p>}
        </Confirm>
      )}
    </>
  );
}

function Guest({ onDelete }: { onDelete: () => void }) {
  const w = words.value.wallet.account;
  const [shown, setShown] = useState(false);
  const key = shown ? guestKey() : null;
  return (
    <section class="card stack" data-where="account" data-state="guest">
      <h2>{w.guestTitle}</h2>
      <Notice tone="warn">{w.guestText}</Notice>
      <code>{guestAddress.value}</code>
      {key && (
        <div class="secret stack">
          <p>
            <strong>{w.keyWarning}</strong>
          </p>
          <code data-where="account" data-state="guest-key">
            {key}
          </code>
          <div>
            <Copy text={key}>{w.copyKey}</Copy>
          </div>
        </div>
      )}
      <div class="row">
        <Button onPress={() => setShown(!shown)}>{shown ? w.hideKey : w.showKey}</Button>
        <Button kind="bad" onPress={onDelete}>
          {w.deleteGuest}
        </Button>
      </div>
    </section>
  );
}
