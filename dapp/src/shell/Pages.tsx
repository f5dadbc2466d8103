import { lazy, Route, Router, useLocation } from "preact-iso";
import type { FunctionComponent } from "preact";
import { Find } from "../driver/Find";
import { routes } from "../routes";
import { words } from "../words";
import { Boundary, Broken } from "./Boundary";
import { useArrival } from "./arrival";

/** A screen that is loaded when it is first needed; without a network it says so. */
function screen(load: () => Promise<FunctionComponent>): FunctionComponent {
  return lazy(() => load().catch(() => Unloaded));
}

const Space = screen(() => import("../driver/Space").then((m) => m.Space));
const Leases = screen(() => import("../lease/Leases").then((m) => m.Leases));
const Lease = screen(() => import("../lease/Lease").then((m) => m.Lease));
const Spaces = screen(() => import("../owner/Spaces").then((m) => m.Spaces));
const Register = screen(() => import("../owner/Register").then((m) => m.Register));
const OwnSpace = screen(() => import("../owner/OwnSpace").then((m) => m.OwnSpace));
const Earnings = screen(() => import("../owner/Earnings").then((m) => m.Earnings));
const Ledger = screen(() => import("../audit/Ledger").then((m) => m.Ledger));
const Settlement = screen(() => import("../audit/Settlement").then((m) => m.Settlement));
const Export = screen(() => import("../audit/Export").then((m) => m.Export));
const Account = screen(() => import("../account/Account").then((m) => m.Account));

/** The screen that belongs to the address. */
export function Pages() {
  const { path } = useLocation();
  const arrived = useArrival(path);
  return (
    <Boundary path={path}>
      <Router onRouteChange={arrived} onLoadEnd={arrived}>
        <Route path={routes.find} component={Find} />
        <Route path={routes.space} component={Space} />
        <Route path={routes.leases} component={Leases} />
        <Route path={routes.lease} component={Lease} />
        <Route path={routes.owner} component={Spaces} />
        <Route path={routes.register} component={Register} />
        <Route path={routes.earnings} component={Earnings} />
        <Route path={routes.ownSpace} component={OwnSpace} />
        <Route path={routes.audit} component={Ledger} />
        <Route path={routes.export} component={Export} />
        <Route path={routes.settlement} component={Settlement} />
        <Route path={routes.account} component={Account} />
        <Route default component={NotFound} />
      </Router>
    </Boundary>
  );
}

function Unloaded() {
  return <Broken text={words.value.common.failed} />;
}

const WAYS = ["find", "leases", "owner", "audit"] as const;

function NotFound() {
  const w = words.value.common;
  return (
    <div class="stack" data-where="app" data-state="nowhere">
      <h1>{w.notFound}</h1>
      <p>{w.notFoundText}</p>
      {WAYS.map((name) => (
        <a key={name} class="button wide" href={routes[name]}>
          {w.titles[name]}
        </a>
      ))}
    </div>
  );
}
