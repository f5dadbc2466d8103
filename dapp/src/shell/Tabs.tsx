import { useLocation } from "preact-iso";
import { Icon } from "../parts/Icon";
import { routes } from "../routes";
import { words } from "../words";

/** The five ways: below on a phone, above elsewhere. */
export function Tabs() {
  const { path } = useLocation();
  const w = words.value.common;
  const tabs = [
    {
      href: routes.find,
      icon: "park",
      text: w.park,
      here: path === "/" || path.startsWith("/space"),
    },
    { href: routes.leases, icon: "leases", text: w.myLeases, here: path.startsWith("/lease") },
    { href: routes.owner, icon: "share", text: w.share, here: path.startsWith("/owner") },
    { href: routes.audit, icon: "audit", text: w.check, here: path.startsWith("/audit") },
    { href: routes.account, icon: "account", text: w.account, here: path === routes.account },
  ] as const;
  return (
    <nav class="tabs" aria-label={w.main}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} aria-current={tab.here ? "page" : undefined}>
          <Icon name={tab.icon} />
          {tab.text}
        </a>
      ))}
    </nav>
  );
}
