/** On a phone a browser has no wallet: the page opens in the wallet app's own browser instead. */

export function onPhone(agent: string = navigator.userAgent): boolean {
  return /Android|iPhone|iPad|iPod/i.test(agent);
}

/** Addresses that open a page inside a wallet app, as their makers document them. */
export function openers(page: string): { name: string; href: string }[] {
  const bare = page.replace(/^https?:\/\//, "");
  return [
    { name: "MetaMask", href: `https://link.metamask.io/dapp/${bare}` },
    {
      name: "Trust Wallet",
      href: `https://link.trustwallet.com/open_url?coin_id=60&url=${encodeURIComponent(page)}`,
    },
    {
      name: "Base (Coinbase)",
      href: `https://go.cb-w.com/dapp?cb_url=${encodeURIComponent(page)}`,
    },
  ];
}
