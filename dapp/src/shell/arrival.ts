/** What a navigation does besides changing the screen: the document's title, and the focus. */
import { useCallback, useEffect, useRef } from "preact/hooks";
import { focusHeading } from "../parts/focus";
import { ownTitle } from "../parts/useTitle";
import { routes } from "../routes";
import { words } from "../words";

type Name = keyof typeof routes;

/** The route's name; fixed addresses come before those with parts. */
export function routeOf(path: string): Name | null {
  const names = (Object.keys(routes) as Name[]).sort(
    (a, b) => Number(routes[a].includes(":")) - Number(routes[b].includes(":")),
  );
  return names.find((name) => pattern(routes[name]).test(path)) ?? null;
}

function pattern(route: string): RegExp {
  return new RegExp(`^${route.replace(/:\w+/g, "[^/]+")}/?$`);
}

export function titleOf(path: string, own: string | null): string {
  const w = words.value.common;
  const name = routeOf(path);
  return `${own ?? (name ? w.titles[name] : w.notFound)} · ${w.name}`;
}

/** Gives what the router calls when a screen has arrived. */
export function useArrival(path: string): () => void {
  const title = titleOf(path, ownTitle.value);
  useEffect(() => {
    document.title = title;
  }, [title]);
  // the first screen keeps the focus where the browser puts it
  const focused = useRef(path);
  return useCallback(() => {
    if (focused.current === path) return;
    focused.current = path;
    requestAnimationFrame(focusHeading);
  }, [path]);
}
