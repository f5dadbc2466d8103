"""Which states of the app the tests have had before them: written down, for `walked` to compare."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from playwright.async_api import BrowserContext, Page

from tests.browser.states import State

FOLDER = Path(__file__).resolve().parents[2] / "reports" / "screens" / "states"
#: A state was on a screen that was looked at; or it has come and gone meanwhile.
LOOKED, PASSED = "looked", "passed"

#: What an element is marked with: [part of the app, state], as the sources say it (states.mjs).
_MARKS = """
const marksOf = (element) => Object.entries(element.dataset)
  .filter(([name, value]) => value && name !== "where")
  .map(([name, value]) => [name === "state" ? element.dataset.where : name, value])
  .filter(([where]) => where);
"""
_SHOWN = f"""() => {{ {_MARKS}
  return [...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility({{ visibilityProperty: true, opacityProperty: true }}))
    .flatMap(marksOf);
}}"""
_WATCH = f"""(() => {{ {_MARKS}
  const told = new Set();
  const tell = (marks) => {{
    const fresh = marks.filter((mark) => !told.has(mark.join(" ")));
    for (const mark of fresh) told.add(mark.join(" "));
    if (fresh.length) window.__passed(fresh).catch(() => undefined);
  }};
  const all = (node) => node instanceof HTMLElement ? [node, ...node.querySelectorAll("*")] : [];
  new MutationObserver((records) => tell(records.flatMap((one) => {{
    if (one.type === "childList") return [...one.addedNodes].flatMap(all).flatMap(marksOf);
    if (!(one.target instanceof HTMLElement) || !one.attributeName.startsWith("data-")) return [];
    const before = one.attributeName === "data-state" && one.oldValue && one.target.dataset.where;
    return [...(before ? [[before, one.oldValue]] : []), ...marksOf(one.target)];
  }}))).observe(document, {{
    subtree: true, childList: true, attributes: true, attributeOldValue: true,
  }});
}})();"""


async def shown(page: Page) -> set[State]:
    """The states that can be seen on the page."""
    return {(where, state) for where, state in await page.evaluate(_SHOWN)}


def write(how: str, states: Iterable[State]) -> None:
    """A file a process: tests run side by side."""
    lines = "".join(f"{how}\t{where}\t{state}\n" for where, state in sorted(states))
    if lines:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / f"{os.getpid()}.tsv").open("a", encoding="utf-8") as file:
            file.write(lines)


async def watch(context: BrowserContext) -> None:
    """Writes down each state that a page of the context comes through, however short."""
    await context.expose_function(
        "__passed", lambda marks: write(PASSED, {(where, state) for where, state in marks})
    )
    await context.add_init_script(_WATCH)


def written(how: str) -> set[State]:
    """What the tests have written down since the record was cleared."""
    found: set[State] = set()
    for file in sorted(FOLDER.glob("*.tsv")):
        for line in file.read_text("utf-8").splitlines():
            said, where, state = line.split("\t")
            if said == how:
                found.add((where, state))
    return found


def clear() -> None:
    """A new record."""
    for file in FOLDER.glob("*.tsv"):
        file.unlink()
