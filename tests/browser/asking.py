"""What a person reads on the page while the wallet's own window shows a code."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.screens import Screens
from tests.browser.wallet import Wallet

TYPED = "eth_signTypedData_v4"


async def what_is_told(
    page: Page, wallet: Wallet, times: int = 1, screens: Screens | None = None
) -> list[str]:
    """What stands on the page while the wallet asks for signatures, one after the other; complete
    when it has asked so many times."""
    found: list[str] = []

    async def tell() -> None:
        place = page.locator(".asking[data-state]")
        await expect(place).to_be_visible()
        found.append(" ".join((await place.inner_text()).split()))
        if screens is not None:
            await screens.look(f"asked-{len(found)}")
        if len(found) < times:
            wallet.before[TYPED] = tell

    wallet.before[TYPED] = tell
    return found
