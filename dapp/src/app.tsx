import { LocationProvider } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { config, loadConfig } from "./config";
import { Notice } from "./parts/Notice";
import { Bands, Ended } from "./shell/Told";
import { Connecting } from "./shell/Connecting";
import { Header } from "./shell/Header";
import { Pages } from "./shell/Pages";
import { Tabs } from "./shell/Tabs";
import { discover } from "./wallet/discovery";
import { begin } from "./wallet/session";
import { words } from "./words";

export function App() {
  const [away, setAway] = useState(false);
  useEffect(() => {
    const stop = discover();
    void loadConfig(() => setAway(true)).then(() => {
      setAway(false);
      return begin();
    });
    return stop;
  }, []);
  return (
    <LocationProvider>
      <Shell>{config.value ? <Pages /> : <Waiting away={away} />}</Shell>
    </LocationProvider>
  );
}

function Waiting({ away }: { away: boolean }) {
  const w = words.value.common;
  return away ? <Notice tone="warn">{w.away}</Notice> : <p class="soft">{w.loading}</p>;
}

function Shell({ children }: { children: preact.ComponentChildren }) {
  return (
    <>
      <div class="shell">
        <a class="skip" href="#content">
          {words.value.common.skip}
        </a>
        <header>
          <Header />
          <Bands />
        </header>
        <main class="page" id="content" tabIndex={-1}>
          <Ended />
          {children}
        </main>
        <Tabs />
      </div>
      <Connecting />
    </>
  );
}
