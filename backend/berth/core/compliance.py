"""Why a space may not be registered: the bits of the contracts' `Reasons`, in words."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from berth.core.checks import unsigned
from berth.core.errors import BerthError


class Reason(IntEnum):
    """One reason; its value is its bit number in the bitmap, off-chain and on-chain."""

    CITY_UNKNOWN = 0
    NOT_IN_EDITION = 1
    TITLE_REVOKED = 2
    TITLE_EXPIRED = 3
    SHARING_NOT_ALLOWED = 4
    KIND_UNKNOWN = 5
    DIMENSIONS_OUT_OF_RANGE = 6
    ALREADY_REGISTERED = 7
    MARKET_NOT_ALLOWED = 8
    CELL_OUT_OF_RANGE = 9
    EDITION_NOT_NEWER = 10
    NOT_REGISTERED_HERE = 11
    HOLDER_VERIFIER_UNKNOWN = 16
    HOLDER_VERIFIER_REVOKED = 17
    HOLDER_SIGNATURE_INVALID = 18
    HOLDER_EXPIRED = 19
    HOLDER_ATTESTATION_REVOKED = 20
    LOCK_MAKER_UNKNOWN = 24
    LOCK_MAKER_REVOKED = 25
    LOCK_ATTESTATION_INVALID = 26
    LOCK_EXPIRED = 27
    LOCK_POSSESSION_INVALID = 28
    CHARGER_INCONSISTENT = 29

    @property
    def mask(self) -> int:
        """The bit as the contract's constant."""
        return 1 << self.value

    @property
    def code(self) -> str:
        """Stable machine name, "title.revoked"."""
        return _TEXTS[self][0]

    @property
    def field(self) -> str:
        """The part of the registration that it is about, dotted: "lock.maker"."""
        return _TEXTS[self][1]

    def sentence(self, language: str = "en") -> str:
        """What it means and what to do, in English ("en") or Chinese ("zh")."""
        return _TEXTS[self][3 if language.startswith("zh") else 2]


def decode(bitmap: int) -> list[Reason]:
    """The reasons of a bitmap, lowest bit first. Raises BerthError for a bit nobody knows."""
    unsigned(bitmap, "reasons", 256)
    found = [reason for reason in Reason if bitmap & reason.mask]
    unknown = bitmap & ~encode(found)
    if unknown:
        raise BerthError(
            "compliance.unknown", f"unknown bits {unknown:#x} in the bitmap", field="reasons"
        )
    return found


def encode(reasons: Iterable[Reason]) -> int:
    """The bitmap of some reasons."""
    bitmap = 0
    for reason in reasons:
        bitmap |= reason.mask
    return bitmap


# code, field, English, Chinese
_TEXTS: dict[Reason, tuple[str, str, str, str]] = {
    Reason.CITY_UNKNOWN: (
        "city.unknown",
        "title.city",
        "The city has not published an edition of its parking titles yet.",
        "该城市尚未发布车位产权库。",
    ),
    Reason.NOT_IN_EDITION: (
        "title.not_in_edition",
        "title",
        (
            "The title, as given, is not in the city's current edition. Fetch a fresh proof, "
            "or ask the land registry."
        ),
        "所提交的产权信息不在该城市当前版本的产权库中。请重新获取证明，或咨询登记机构。",
    ),
    Reason.TITLE_REVOKED: (
        "title.revoked",
        "title.index",
        "The land registry has revoked this title.",
        "该产权已被登记机构撤销。",
    ),
    Reason.TITLE_EXPIRED: (
        "title.expired",
        "title.validDay",
        "The title's last day of validity has passed.",
        "该产权已过有效期。",
    ),
    Reason.SHARING_NOT_ALLOWED: (
        "title.sharing_not_allowed",
        "title.attributes",
        "The title does not allow the space to be shared.",
        "该产权不允许车位共享。",
    ),
    Reason.KIND_UNKNOWN: (
        "title.kind_unknown",
        "title.attributes",
        "The kind of space is unknown; kinds 1 to 5 are defined.",
        "车位类型未知；已定义的类型为 1 至 5。",
    ),
    Reason.DIMENSIONS_OUT_OF_RANGE: (
        "title.dimensions",
        "title.attributes",
        (
            "Height, width or length of the space is not credible: height 0 (open air) or 150 to "
            "1000 cm, width 150 to 1000 cm, length 300 to 2500 cm."
        ),
        (
            "车位尺寸不合理：高度应为 0（露天）或 150 至 1000 厘米，宽度 150 至 1000 厘米，"
            "长度 300 至 2500 厘米。"
        ),
    ),
    Reason.ALREADY_REGISTERED: (
        "space.already_registered",
        "title.index",
        "The space is registered already.",
        "该车位已登记。",
    ),
    Reason.MARKET_NOT_ALLOWED: (
        "market.not_allowed",
        "market",
        "The title registry does not admit this market.",
        "产权库未授权该市场。",
    ),
    Reason.CELL_OUT_OF_RANGE: (
        "title.cell",
        "title.cell",
        "The title's place is no place on the map's grid. Ask the land registry.",
        "产权所载位置不在地图网格内，请咨询登记机构。",
    ),
    Reason.EDITION_NOT_NEWER: (
        "title.edition_not_newer",
        "title",
        (
            "The space was registered from this edition, or a newer one. It changes hands with "
            "the next edition of the city's titles."
        ),
        "该车位已按当前或更新版本的产权库登记，须待该城市发布新版产权库后方可过户。",
    ),
    Reason.NOT_REGISTERED_HERE: (
        "space.not_registered_here",
        "title.index",
        "The space is not registered in this market, so there is nothing to take over.",
        "该车位未在本市场登记，无法办理承接。",
    ),
    Reason.HOLDER_VERIFIER_UNKNOWN: (
        "holder.verifier_unknown",
        "holder.verifier",
        "Nobody who may attest identities is known under the number of the verifier.",
        "该编号下没有有权核验身份的机构。",
    ),
    Reason.HOLDER_VERIFIER_REVOKED: (
        "holder.verifier_revoked",
        "holder.verifier",
        "The identity verifier is no longer trusted. Have your identity attested by another one.",
        "该身份核验机构已被取消资格，请由其他机构重新核验。",
    ),
    Reason.HOLDER_SIGNATURE_INVALID: (
        "holder.signature_invalid",
        "holder.signature",
        (
            "The identity attestation is not signed by its verifier for this wallet and this "
            "title's holder."
        ),
        "身份证明的签名无效，或与该钱包及产权人不符。",
    ),
    Reason.HOLDER_EXPIRED: (
        "holder.expired",
        "holder.validDay",
        "The identity attestation has expired.",
        "身份证明已过期。",
    ),
    Reason.HOLDER_ATTESTATION_REVOKED: (
        "holder.attestation_revoked",
        "holder.nonce",
        "The verifier has taken this identity attestation back.",
        "该身份证明已被核验机构撤回。",
    ),
    Reason.LOCK_MAKER_UNKNOWN: (
        "lock.maker_unknown",
        "lock.maker",
        "Nobody who may attest locks is known under the number of the lock's maker.",
        "该编号下没有有权证明地锁的厂商。",
    ),
    Reason.LOCK_MAKER_REVOKED: (
        "lock.maker_revoked",
        "lock.maker",
        "The lock's maker is no longer trusted.",
        "该地锁厂商已被取消资格。",
    ),
    Reason.LOCK_ATTESTATION_INVALID: (
        "lock.attestation_invalid",
        "lock.makerSignature",
        "The lock's attestation is not signed by its maker for this key.",
        "地锁证明的厂商签名无效，或与该密钥不符。",
    ),
    Reason.LOCK_EXPIRED: (
        "lock.expired",
        "lock.validDay",
        "The lock's attestation has expired.",
        "地锁证明已过期。",
    ),
    Reason.LOCK_POSSESSION_INVALID: (
        "lock.possession_invalid",
        "lock.possession",
        "The lock has not signed for this space and this owner. Enrol the lock again.",
        "地锁未对该车位及所有人签名，请重新绑定地锁。",
    ),
    Reason.CHARGER_INCONSISTENT: (
        "charger.inconsistent",
        "connectors",
        "A charger needs both connectors and power; without a charger both are 0.",
        "有充电桩时须同时填写接口与功率；无充电桩时两者均须为 0。",
    ),
}
