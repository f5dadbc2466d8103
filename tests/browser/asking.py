"""What a person reads on the page while the wallet's own window shows a code."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, expect

from tests.browser.screens import Screens
from tests.browser.wallet import Wallet

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
TYPED = "eth_signTypedData_v4"


async def what_is_told(
    page: Page, wallet: Wallet, times: int = 1, screens: Screens | None = None
) -> list[str]:
    """What stands on the page, in English, while the wallet asks for signatures, one after the
    other; complete when it has asked so many times."""
    found: list[str] = []

    async def tell() -> None:
        place = page.locator(".asking[data-state]")
        await expect(place).to_be_visible()
        while _CHINESE.search(told := await place.inner_text()):  # a look is taken meanwhile
            await asyncio.sleep(0.2)
        found.append(" ".join(told.split()))
        if screens is not None:
            await screens.look(f"asked-{len(found)}")
        if len(found) < times:
            wallet.before[TYPED] = tell

    wallet.before[TYPED] = tell
    return found
