import { dress, look, type Look } from "../look";
import { Button } from "../parts/Button";
import { Icon } from "../parts/Icon";
import { routes } from "../routes";
import { Dismissed } from "../wallet/errors";
import { requireAccount } from "../wallet/connect";
import { account, resuming } from "../wallet/state";
import { language, speak, words } from "../words";
import { short } from "../words/format";

/** Name, language, look, and who is signed in. */
export function Header() {
  const w = words.value.common;
  return (
    <div class="top">
      <a class="mark" href={routes.find}>
        <img src="/icon.svg" alt="" />
        {w.name}
      </a>
      <span class="space" />
      <Speak />
      <Dress />
      <Who />
    </div>
  );
}

function Speak() {
  const other = language.value === "zh" ? "en" : "zh";
  return (
    <button
      type="button"
      class="icon-button"
      lang={other === "zh" ? "zh-CN" : "en"}
      onClick={() => speak(other)}
    >
      {other === "zh" ? "中文" : "English"}
    </button>
  );
}

const NEXT: Record<Look, Look> = { auto: "dark", dark: "light", light: "auto" };

function Dress() {
  const w = words.value.common;
  const now = { auto: w.lookAuto, light: w.lookLight, dark: w.lookDark }[look.value];
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={w.lookNow(now)}
      title={w.lookNow(now)}
      onClick={() => dress(NEXT[look.value])}
    >
      <Icon
        name={({ auto: "lookAuto", light: "lookLight", dark: "lookDark" } as const)[look.value]}
      />
    </button>
  );
}

function Who() {
  const w = words.value.wallet;
  const found = account.value;
  if (found) {
    const name = found.choice.kind === "guest" ? w.guest : short(found.address);
    return (
      <a
        class="who"
        href={routes.account}
        title={found.address}
        data-where="header"
        data-state="signed-in"
      >
        <Icon name="account" />
        <span class="quiet">{w.signedInAs("")}</span>
        {name}
      </a>
    );
  }
  if (resuming.value) {
    return (
      <span class="who soft" data-where="header" data-state="resuming">
        {w.signingIn}
      </span>
    );
  }
  return (
    <Button kind="main" onPress={signIn}>
      {w.signIn}
    </Button>
  );
}

export async function signIn(): Promise<void> {
  try {
    await requireAccount();
  } catch (error) {
    // the sheet says what goes wrong; closing it is no error
    if (!(error instanceof Dismissed)) throw error;
  }
}
