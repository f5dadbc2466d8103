"""Looking at a screen: a picture of it, whether everybody can use it, and whether all of it speaks
the reader's language."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page

from tests.browser import record, speech

AXE = Path(__file__).resolve().parents[2] / "dapp" / "node_modules" / "axe-core" / "axe.min.js"
#: Findings of this weight fail a test.
SERIOUS = ("serious", "critical")
#: So long a screen may take to say everything in the language that was just chosen, seconds.
PATIENCE = 10.0


@dataclass
class Screens:
    """Numbered pictures of one test. With `everywhere` each screen is looked at in English and by
    day, then in Chinese and by night; it goes on as it was."""

    page: Page
    folder: Path
    name: str
    everywhere: bool = False
    #: Words that a test has brought in itself: names, what a person typed.
    own: list[str] = field(default_factory=list)
    number: int = 0

    async def look(self, what: str, *, axe: bool = True) -> None:
        """Pictures of window and page; no serious finding of axe, nothing wider than the window,
        no word of the other language."""
        self.number += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.name}-{self.number:02d}-{what}"
        before = await record.shown(self.page)
        await self.page.screenshot(path=self.folder / f"{name}.png")
        record.write(record.LOOKED, before & await record.shown(self.page))
        await self.page.screenshot(path=self.folder / f"{name}-whole.png", full_page=True)
        await self._judge(what, axe)
        if not self.everywhere or await self._language() != "en":
            return
        await self._turn("dark")
        try:
            await self._judge(f"{what} in Chinese, dark", axe)
            await self.page.screenshot(path=self.folder / f"{name}-zh-dark.png", full_page=True)
        finally:
            await self._turn(None)

    async def _judge(self, what: str, axe: bool) -> None:
        await self._one_language(what)
        if await self._language() == "zh":
            gaps = speech.gaps(await self.page.evaluate("document.body.innerText"))
            assert gaps == [], f"{what}: a space beside a Chinese mark, or an English one: {gaps}"
        wide = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{what}: the page is {wide} px wider than the window"
        if axe:
            await self.accessible(what)

    async def accessible(self, what: str) -> None:
        # as a function's body, for the page's policy allows no further scripts
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
        found = await self.page.evaluate(
            "async () => (await window.axe.run(document, { resultTypes: ['violations'] }))"
            ".violations.map((one) => ({ id: one.id, impact: one.impact,"
            " where: one.nodes.map((node) => node.target.join(' ')).slice(0, 5) }))"
        )
        grave = [one for one in found if one["impact"] in SERIOUS]
        assert grave == [], f"{what}: {grave}"

    async def _one_language(self, what: str) -> None:
        """Nothing on the page is in the other language, once what was asked for has come."""
        deadline = time.monotonic() + PATIENCE
        while True:
            texts: list[str] = await self.page.evaluate(speech.TEXTS)
            foreign = speech.foreign(texts, await self._language(), self.own)
            if not foreign:
                return
            assert time.monotonic() < deadline, f"{what}: in another language: {foreign}"
            await asyncio.sleep(0.2)

    async def _language(self) -> str:
        return str(await self.page.evaluate("document.documentElement.lang"))[:2]

    async def _turn(self, look: str | None) -> None:
        """The other language, by the button in the header; and a look."""
        # clicked from within: a dialog may lie over the header
        await self.page.evaluate(
            "(look) => { document.querySelector('header button[lang]').click();"
            " if (look) document.documentElement.dataset.look = look;"
            " else delete document.documentElement.dataset.look; }",
            look,
        )
