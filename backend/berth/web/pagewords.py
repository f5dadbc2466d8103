"""The words of the pages, English and Chinese."""

from __future__ import annotations

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Berth · parking, shared", "Berth · 车位共享"),
    "tagline": (
        "Private parking spaces, shared by contracts that nobody has to trust.",
        "私家车位共享，由无需信任任何人的合约执行。",
    ),
    "other": ("中文", "English"),
    "spaces": ("Spaces shared", "已共享车位"),
    "open": ("Open leases", "进行中租约"),
    "escrow": ("In escrow", "托管金额"),
    "settlements": ("Settlements", "结算"),
    "locks": ("Locks online", "在线地锁"),
    "titles": ("Titles on record", "登记产权"),
    "block": ("Block", "区块"),
    "behind": ("{} behind", "落后 {}"),
    "fees": ("Platform fees", "平台费用"),
    "latest": ("Latest settlements", "最新结算"),
    "none": ("None yet.", "暂无。"),
    "news": ("Latest news", "最新动态"),
    "number": ("No.", "序号"),
    "when": ("When (UTC)", "时间（UTC）"),
    "outcome": ("Outcome", "结果"),
    "cost": ("Cost", "费用"),
    "owner": ("Owner", "车位主"),
    "fee": ("Fee", "平台费"),
    "refund": ("Refund", "退款"),
    "head": ("Ledger head", "账本链头"),
    "live": ("Live", "实时"),
    "offline": ("No connection: what you see may be old.", "连接中断：所示内容可能已过时。"),
    "api": ("API", "接口文档"),
    "audit": ("Verify the ledger", "校验账本"),
    "plain": ("Plain text", "纯文本"),
    "home": ("Live state", "实时状态"),
    "app": ("Open the app", "打开应用"),
    "unbuilt": (
        "The app is not built here: run `make dapp` in the repository, then load this page again.",
        "此处尚未构建应用：请在代码仓库中运行 `make dapp`，然后重新加载本页。",
    ),
    "parameters": ("Parameters", "参数"),
    "body": ("Request body", "请求体"),
    "answer": ("Answer", "响应"),
    "fields": ("Field", "字段"),
    "type": ("Type", "类型"),
    "meaning": ("Meaning", "说明"),
    "required": ("required", "必填"),
    "signin": ("sign in first", "需登录"),
    "departed": ("left, billed", "离开并结算"),
    "accepted": ("overstay accepted", "接受超时费"),
    "matured": ("overstay undisputed", "超时费无异议"),
    "presumed": ("presumed", "按预订结算"),
    "unused": ("unused, refunded", "未使用，全额退款"),
    "cancelled": ("cancelled by the driver", "驾驶人取消"),
    "cancelled_by_owner": ("cancelled by the owner", "车主取消"),
    "obstructed": ("space occupied, refunded", "车位被占，全额退款"),
    "no_show": ("nobody came", "未到场"),
    "resolved": ("decided by the arbiter", "仲裁裁决"),
    "agreed": ("agreed", "双方协商"),
    "lapsed": ("dispute undecided", "争议未决"),
    "ok": ("all well", "正常"),
    "catching_up": ("catching up", "追赶中"),
    "attention": ("needs attention", "待处理"),
    "paused": ("paused", "已暂停"),
    "trouble": ("trouble", "异常"),
}
_EVENTS: dict[str, tuple[str, str]] = {
    "space.registered": ("A space was registered for sharing", "新车位登记共享"),
    "space.taken_over": ("A space changed hands", "车位已过户"),
    "space.lock": ("A space got another lock", "车位更换地锁"),
    "space.delisted": ("A space is no longer shared", "车位停止共享"),
    "space.released": ("A space was released", "车位已解除登记"),
    "space.blocked": ("A time was taken out of sharing", "部分时段暂不共享"),
    "space.unblocked": ("A time is shared again", "时段恢复共享"),
    "offer.withdrawn": ("Offers were withdrawn", "报价已撤回"),
    "offer.published": ("An offer was published", "新报价发布"),
    "titles.published": ("A city published an edition of its titles", "城市发布产权库新版本"),
    "titles.revoked": ("Titles were revoked", "部分产权被撤销"),
    "titles.reinstated": ("Titles were reinstated", "部分产权已恢复"),
    "market.paused": ("Leasing was paused", "租用功能已暂停"),
    "market.unpaused": ("Leasing goes on", "租用功能已恢复"),
    "attester.revoked": ("An attester was revoked", "一家核验机构被取消资格"),
}


def words(language: str) -> dict[str, str]:
    """All words in one language."""
    place = 1 if language.startswith("zh") else 0
    return {name: pair[place] for name, pair in _WORDS.items()}


def event_words(topic: str, language: str) -> str:
    """An event in words; one that nobody has words for by its topic."""
    pair = _EVENTS.get(topic)
    return topic if pair is None else pair[1 if language.startswith("zh") else 0]
