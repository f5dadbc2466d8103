"""Which language is a text in? By its letters, without the names that are alike everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: All that a page says to eyes and to screen readers, text by text; closed parts say nothing.
TEXTS = """() => {
  const said = [document.title];
  for (const element of document.body.querySelectorAll("*")) {
    // a choice is seen where its list is
    if (!(element.closest("select, datalist") ?? element).checkVisibility()) continue;
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      if (element.hasAttribute(name)) said.push(element.getAttribute(name));
    }
    if (["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
    }
  }
  return said.map((text) => text.trim()).filter(Boolean);
}"""

_CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")
_LATIN = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+)*")
#: What has the same name in every language.
_NAMES = re.compile(
    r"""
      \b https?://\S+                            # addresses of the web
    | \b 0x[0-9a-fA-F]+ (?: … [0-9a-fA-F]+ )?    # accounts, hashes, in short or in full
    | \b [0-9a-f]{32,} \b                        # digests
    | \b [A-Z][A-Za-z]+ (?: / [A-Za-z0-9_ +-]+ )+   # zones: Europe/Berlin
    | \b (?: UTC | GMT ) \b
    | \b (?: kWh | Wh | kW | km | cm | min | h ) \b
    | \b (?: Berth | MetaMask | Rabby | CORS | CSV | JSON-RPC | JSON | SHA-256 ) \b
    | \b (?: OpenStreetMap | Waze | Test\ Wallet ) \b
    | \b Generated\ (?: Street\ \d+ | City )    # the town, as its papers name it
    | \b (?: CHAdeMO | NACS | CCS | Type ) \b
    | \b (?: tEUR | EUR | ETH ) \b
    | \b [A-Z]{2,3} \ ? \d{2,4} \b               # plates
    | ^ (?: 中文 | English ) $                    # languages, each in its own words
    """,
    re.VERBOSE | re.ASCII,
)


#: What owners have written of their spaces: Olga and her neighbours, and those of the tests.
AREA, WAY = "Behind the old town hall", "Through the gate, third on the left."
_OWNERS = ("The lock is in the middle of the bay; stop one metre before it.", AREA, WAY)


#: Chinese sets no space beside its marks; what comes after a tab or a line is another text.
_GAP = re.compile(r".{0,12}(?:[，。；：！？、][ \u00a0]+\S|[\u3400-\u9fff][,;:!?]).{0,12}")


def gaps(text: str) -> list[str]:
    """Where sentences of a Chinese text are joined as English ones are."""
    return _GAP.findall(text)


def foreign(texts: Sequence[str], language: str, own: Sequence[str] = ()) -> list[str]:
    """The parts of texts that are in the other language than `language` ("en" or "zh")."""
    other = _CHINESE if language == "en" else _LATIN
    found = []
    for text in texts:
        rest = text
        for word in (*_OWNERS, *own):
            rest = rest.replace(word, " ")
        found += [f"{part} (in: {text[:80]})" for part in other.findall(_NAMES.sub(" ", rest))]
    return found
