import { useState } from "preact/hooks";
import { Asking } from "../parts/Asking";
import { Button } from "../parts/Button";
import { Copy } from "../parts/Copy";
import { Failure } from "../parts/Failure";
import { Sheet } from "../parts/Sheet";
import { config } from "../config";
import { words } from "../words";
import { money } from "../words/format";
import { gap } from "../words/join";
import { choices, dismiss, fulfil } from "./connect";
import { discover } from "./discovery";
import { onPhone, openers } from "./phone";
import { signIn } from "./session";
import type { Choice } from "./types";

/** Choosing a wallet and signing in with it. */
export function ConnectSheet() {
  const w = words.value.wallet.connect;
  const [trying, setTrying] = useState<Choice | null>(null);
  const [failed, setFailed] = useState<{ error: unknown; choice: Choice } | null>(null);
  const list = choices.value;
  const wallets = list.filter((one) => one.kind === "extension");
  const guest = list.find((one) => one.kind === "guest");

  async function take(choice: Choice): Promise<void> {
    setFailed(null);
    setTrying(choice);
    try {
      fulfil(await signIn(choice));
    } catch (error) {
      setFailed({ error, choice });
    } finally {
      setTrying(null);
    }
  }

  return (
    <Sheet title={w.title} onClose={dismiss}>
      <div
        class="stack"
        data-where="connect"
        data-state={trying ? "trying" : failed ? "failed" : "choose"}
      >
        <p>{w.intro}</p>
        {failed && <Failure error={failed.error} onRetry={() => take(failed.choice)} />}
        <Asking guest={trying?.kind === "guest"} />
        {wallets.map((choice) => (
          <Wallet key={choice.id} choice={choice} blocked={trying !== null} onTake={take} />
        ))}
        {guest && (
          <div class="stack">
            <Button
              kind={wallets.length ? "wide" : "main wide"}
              disabled={trying !== null}
              busy={words.value.wallet.signingIn}
              onPress={() => take(guest)}
            >
              {w.guestButton}
            </Button>
            <p class="soft">
              {w.guestText}
              {gap()}
              <strong>{guestCredit()}</strong>
            </p>
          </div>
        )}
        {!wallets.length && <NoWallet />}
      </div>
    </Sheet>
  );
}

/** What a guest gets to park with. */
function guestCredit(): string | null {
  const found = config.value;
  if (!found?.local?.funds) return null;
  return words.value.wallet.connect.guestCredit(money(found.local.credit, found.currency));
}

function Wallet({
  choice,
  blocked,
  onTake,
}: {
  choice: Choice;
  blocked: boolean;
  onTake: (choice: Choice) => Promise<void>;
}) {
  return (
    <Button
      kind="wide choice"
      disabled={blocked}
      busy={words.value.wallet.signingIn}
      onPress={() => onTake(choice)}
    >
      {choice.icon ? <img src={choice.icon} alt="" /> : <span class="blank" aria-hidden="true" />}
      {choice.name || words.value.wallet.nameless}
    </Button>
  );
}

function NoWallet() {
  const w = words.value.wallet.connect;
  // with the chosen time and the filter, which stand in the address
  const page = location.origin + location.pathname + location.search;
  return (
    <div class="stack" data-where="connect" data-state="no-wallet">
      <p>
        <strong>{w.none}</strong>
      </p>
      {onPhone() ? (
        <>
          <p>{w.phone}</p>
          {openers(page).map(({ name, href }) => (
            <a key={name} class="button wide" href={href} rel="noreferrer">
              {w.openIn(name)}
            </a>
          ))}
          <Copy text={page} kind="wide">
            {w.copyAddress}
          </Copy>
        </>
      ) : (
        <>
          <p>{w.install}</p>
          <Button kind="plain" onPress={() => discover()()}>
            {w.again}
          </Button>
        </>
      )}
    </div>
  );
}
