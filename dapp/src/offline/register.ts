/** Has the browser keep the app, where it can: a built app on a secure origin. */
export function keepApp(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  window.addEventListener("load", () => {
    // without it the app works as well, with a network
    navigator.serviceWorker.register("/sw.js").catch(() => undefined);
  });
}
