"""What checks find, in words: English and Chinese. No host, file or password is named."""

from __future__ import annotations

_WELL: dict[str, tuple[str, str]] = {
    "database": ("The database answers.", "数据库正常。"),
    "index": ("The index follows the chain.", "索引与区块链同步。"),
    "node": ("The chain's node answers.", "区块链节点正常。"),
    "broker": ("The locks' broker answers.", "地锁消息服务正常。"),
}
_WRONG: dict[str, tuple[str, str]] = {
    "store.silent": ("The database does not answer in time.", "数据库未及时响应。"),
    "store.unavailable": ("The database does not answer.", "数据库无法访问。"),
    "store.migration": (
        "The database is at another migration than this program.",
        "数据库结构版本与程序不符。",
    ),
    "index.empty": ("The index has not read a block yet.", "索引尚未读取任何区块。"),
    "index.silent": (
        "The index has given no sign of life for {} seconds.",
        "索引已 {} 秒没有动静。",
    ),
    "index.behind": ("The index is {} blocks behind the chain.", "索引落后区块链 {} 个区块。"),
    "index.old": (
        "The newest block that the index has read is {} seconds old.",
        "索引所读最新区块已是 {} 秒之前的。",
    ),
    "chain.silent": ("The chain's node does not answer in time.", "区块链节点未及时响应。"),
    "chain.unreachable": ("The chain's node cannot be reached.", "无法连接区块链节点。"),
    "chain.id": ("The node is of another chain.", "节点属于另一条链。"),
    "chain.genesis": ("The node's chain has another beginning.", "节点的链起始区块不同。"),
    "chain.no_market": ("The node knows no contract of ours.", "节点上没有本平台的合约。"),
    "broker.unreachable": ("The locks' broker cannot be reached.", "无法连接地锁消息服务。"),
    "broker.credentials": (
        "The locks' broker refuses our password.",
        "地锁消息服务拒绝了我们的密码。",
    ),
    "broker.certificate": (
        "Nobody vouches for the certificate of the locks' broker.",
        "地锁消息服务的证书不受信任。",
    ),
    "broker.ca": (
        "The certificates for the locks' broker cannot be read.",
        "无法读取地锁消息服务的证书文件。",
    ),
}
_ELSE: dict[str, tuple[str, str]] = {
    "database": ("The database does not work.", "数据库异常。"),
    "index": ("The index does not work.", "索引异常。"),
    "node": ("The chain's node does not work.", "区块链节点异常。"),
    "broker": ("The locks' broker does not work.", "地锁消息服务异常。"),
}


def sentence(name: str, code: str | None, figure: int, language: str) -> str:
    """A check's result; a code that nobody has words for by what it is about."""
    pair = _WELL[name] if code is None else _WRONG.get(code, _ELSE[name])
    return pair[1 if language.startswith("zh") else 0].format(figure)
