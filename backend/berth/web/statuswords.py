"""The platform's state in words: English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from berth.core.money import Currency
from berth.core.zones import rfc3339
from berth.market.operations import Work
from berth.market.sponsor_purse import Purse

if TYPE_CHECKING:
    from berth.web.status import PlatformStatus

_ETHER = Currency("ether", 18)
_WORDS: dict[str, tuple[str, str]] = {
    "ok": ("Everything works.", "一切正常。"),
    "attention": (
        "Everything works. For somebody to look at: incidents {incidents}, dead letters {dead}.",
        "运行正常；有 {incidents} 起事件、{dead} 条死信待人工处理。",
    ),
    "sponsor": (
        "the sponsor has {} ether: enough for {} more calls; {} on their way",
        "代付账户余额 {} ether，约可再代付 {} 次；{} 笔在途",
    ),
    "sponsor_low": (
        " The sponsor's account is low: enough for {} more calls.",
        "代付账户余额不足：约可再代付 {} 次。",
    ),
    "sponsor_empty": (
        " The sponsor's account is empty: accounts pay for their calls themselves.",
        "代付账户已空：用户须自付燃料费。",
    ),
    "sponsor_stuck": (
        " A call that the sponsor brought has not been mined for {}.",
        "一笔代付交易已 {} 未被打包。",
    ),
    "paused": (
        "New leases are paused until {until}; every way out stays open.",
        "新租约暂停至 {until}；所有退出与结算照常。",
    ),
    "catching_up": (
        "The index is {lag} blocks behind the chain and catching up.",
        "索引落后 {lag} 个区块，正在追赶。",
    ),
    "eta": (" About {} left, at {} blocks a second.", "约需 {}，每秒 {} 个区块。"),
    "missing": ("No process runs as: {}.", "没有进程担任：{}。"),
    "titles": ("titles: {} in {} cities", "产权：{1} 个城市，{0} 个车位"),
    "spaces": ("spaces shared: {}, offers: {}", "已共享车位 {} 个，报价 {} 个"),
    "locks": ("locks online: {} of {}", "地锁在线 {}/{}"),
    "leases": ("open leases: {}, in escrow: {}", "进行中租约 {} 个，托管 {}"),
    "settlements": ("settlements: {}, fees not withdrawn: {}", "结算 {} 笔，未提取费用 {}"),
    "head": ("ledger head: {}", "账本链头 {}"),
    "block": (
        "block {} of {}, {} blocks and {} behind",
        "区块 {0}（{1}），落后 {2} 个区块、{3}",
    ),
    "reorgs": (
        "reorgs: {}, the deepest of {} blocks, the last {}",
        "链重组 {} 次，最深 {} 个区块，最近 {}",
    ),
    "no_reorgs": ("reorgs: none", "链重组 0 次"),
    "node_used": ("node {} of {}: in use", "节点 {}/{}：使用中"),
    "node_idle": ("node {} of {}: not in use ({})", "节点 {}/{}：未使用（{}）"),
    "outbox": ("outbox: {}", "待发队列：{}"),
    "commands": ("commands to locks: {}", "地锁指令：{}"),
    "late": ("commands beyond their deadline: {}", "超时未了的指令：{}"),
    "evidence": ("evidence not yet on the chain: {}", "尚未上链的凭证：{}"),
    "incidents": ("incidents open: {}", "未了结事件：{}"),
    "dead": ("dead letters: {}", "死信：{}"),
    "roles": ("processes: {}", "进程：{}"),
    "sent": ("last transaction: {} ({}), {}", "最近一笔交易：{}（{}），{}"),
    "spent": ("gas spent today: {} of {} ether at most", "今日燃料费：{} / 上限 {} ether"),
    "none": ("none", "无"),
    "silent": ("silent for {}", "已静默 {}"),
}
_SECONDS, _MINUTES, _HOURS = ("{} s", "{} 秒"), ("{} min", "{} 分钟"), ("{} h", "{} 小时")


def sentence(status: PlatformStatus, language: str) -> str:
    """How it is, in a sentence or two."""
    held, state = status.held, status.state
    if state == "trouble":
        wrong = [check.sentence(language) for check in status.found.wrong]
        if held is not None and held.work.missing:
            wrong.append(_say("missing", language, ", ".join(held.work.missing)))
        return ("" if language.startswith("zh") else " ").join(wrong)
    if state == "catching_up":
        lag = status.index.lag if status.index is not None else 0
        words = _WORDS["catching_up"][_place(language)].format(lag=lag)
        return words + _eta(status, language)
    if held is None:
        return _say(state, language)
    words = _WORDS[state][_place(language)].format(
        until=rfc3339(held.totals.paused_until),
        incidents=held.work.incidents_open,
        dead=held.work.dead,
    )
    return words if status.sponsor is None else words + _short(status.sponsor, language)


def _short(purse: Purse, language: str) -> str:
    """What the sponsor lacks; nothing where it lacks nothing."""
    if purse.level == "ok":
        return ""
    figure = {"low": str(purse.calls), "stuck": span(purse.waiting.oldest, language)}
    return _say(f"sponsor_{purse.level}", language, figure.get(purse.level, ""))


def lines(status: PlatformStatus, language: str) -> list[str]:
    """All there is to say, a line for each fact; the sentence first."""
    said = [sentence(status, language)]
    held, money, index = status.held, status.currency, status.index
    if held is not None:
        sums = held.totals
        said += [
            _say("titles", language, sums.titles, sums.cities),
            _say("spaces", language, sums.spaces, sums.offers),
            _say("locks", language, held.locks_online, held.locks),
            _say("leases", language, sums.open_leases, money.label(sums.escrow)),
            _say("settlements", language, sums.settlements, money.label(sums.fees)),
            _say("head", language, sums.head),
        ]
    if index is not None:
        lag = span(status.found.lag_seconds, language)
        said.append(_say("block", language, index.block, rfc3339(index.block_at), index.lag, lag))
    said += [f"{check.name}: {check.sentence(language)}" for check in status.found.checks]
    said += _nodes(status, language)
    if held is not None:
        said += _work(held.work, status.spend_cap, language)
    purse = status.sponsor
    if purse is not None:
        has = _ETHER.format(purse.balance)
        said.append(_say("sponsor", language, has, purse.calls, purse.waiting.count))
    return said


def span(seconds: int, language: str) -> str:
    """A length of time in its natural unit."""
    if seconds < 120:
        return _SECONDS[_place(language)].format(seconds)
    if seconds < 7200:
        return _MINUTES[_place(language)].format(seconds // 60)
    return _HOURS[_place(language)].format(seconds // 3600)


def _work(work: Work, spend_cap: int, language: str) -> list[str]:
    reorgs = work.reorgs
    if reorgs.last_at is None:
        said = [_say("no_reorgs", language)]
    else:
        last = rfc3339(reorgs.last_at)
        said = [_say("reorgs", language, reorgs.count, reorgs.deepest, last)]
    said += [
        _say("outbox", language, _counts(work.outbox, language)),
        _say("commands", language, _counts(work.commands_by_state, language)),
        _say("evidence", language, work.evidence_waiting),
        _say("incidents", language, _counts(work.incidents, language)),
        _say("dead", language, work.dead),
    ]
    if work.commands_late:
        said.append(_say("late", language, work.commands_late))
    if work.roles:
        parts = []
        for role in work.roles:
            silent = role.silent(work.now)
            age = span(max(0, work.now - role.beat_at), language)
            parts.append(f"{role.role} ({_say('silent', language, age) if silent else role.state})")
        said.append(_say("roles", language, ", ".join(parts)))
    if work.last_transaction is not None:
        sent = work.last_transaction
        said.append(_say("sent", language, sent.purpose, sent.state, rfc3339(sent.at)))
    said.append(_say("spent", language, _ETHER.format(work.spent), _ETHER.format(spend_cap)))
    return said


def _nodes(status: PlatformStatus, language: str) -> list[str]:
    nodes = status.nodes
    return [
        _say("node_used", language, node.number, len(nodes))
        if node.used
        else _say("node_idle", language, node.number, len(nodes), node.reason or "-")
        for node in nodes
    ]


def _eta(status: PlatformStatus, language: str) -> str:
    rate, eta = status.indexer.get("blocksPerSecond"), status.indexer.get("etaSeconds")
    if not isinstance(rate, int | float) or not isinstance(eta, int | float):
        return ""
    return _say("eta", language, span(int(eta), language), round(rate))


def _counts(rows: Mapping[str, int], language: str) -> str:
    """ "2 new, 1 dead"; what was done is not worth a word."""
    shown = [f"{count} {state}" for state, count in sorted(rows.items()) if state != "done"]
    return ", ".join(shown) or _say("none", language)


def _say(name: str, language: str, *figures: object) -> str:
    return _WORDS[name][_place(language)].format(*figures)


def _place(language: str) -> int:
    return 1 if language.startswith("zh") else 0
