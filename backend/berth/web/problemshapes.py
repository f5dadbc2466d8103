"""What goes around the sentences of problems: titles by status, what failed on our side, what is
wrong with the shape of a value. English, Chinese."""

from __future__ import annotations

from berth.core.compliance import Reason
from berth.web.problemtexts import SENTENCES, Pair

#: Values of figures that are words, where the languages differ.
FIGURES: dict[str, str] = {
    "play money": "试用资金",
    "vehicles": "车辆核验",
    "moves of cars": "移动车辆",
    "journeys in time": "快进时间",
    "titles": "试用产权",
    "simulated locks": "模拟地锁",
    **{reason.sentence(): reason.sentence("zh") for reason in Reason},
}
#: What failed on our side, by status: sentences of the error itself may name files and hosts.
FAILED: dict[int, Pair] = {
    500: SENTENCES["internal"],
    502: (
        "The chain's node gave an answer that makes no sense.",
        "区块链节点的答复无法理解。",
    ),
    503: (
        "The chain's node or the database does not answer, or is not ours: try again.",
        "区块链节点或数据库未响应或不匹配，请重试。",
    ),
}
#: Titles by status.
TITLES: dict[int, Pair] = {
    400: ("Bad Request", "请求有误"),
    401: ("Unauthorized", "需要登录"),
    403: ("Forbidden", "无权操作"),
    404: ("Not Found", "不存在"),
    405: ("Method Not Allowed", "不支持的方法"),
    409: ("Conflict", "现在不行"),
    413: ("Content Too Large", "内容过大"),
    422: ("Unprocessable Content", "内容无效"),
    429: ("Too Many Requests", "次数过多"),
    500: ("Internal Server Error", "内部错误"),
    502: ("Bad Gateway", "节点答复有误"),
    503: ("Service Unavailable", "暂不可用"),
}
#: Of a code that nobody has words for.
REFUSED: Pair = ("The request is refused ({code}).", "请求被拒绝（{code}）。")
#: What is wrong with a value, by pydantic's name for it; English comes from pydantic.
SHAPES: dict[str, str] = {
    "missing": "必填",
    "extra_forbidden": "没有这一项",
    "json_invalid": "不是有效的 JSON",
    "json_type": "不是有效的 JSON",
    "model_type": "须为对象",
    "model_attributes_type": "须为对象",
    "dict_type": "须为对象",
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "须不小于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "须不大于 {le}",
    "finite_number": "须为有限的数",
    "too_short": "至少 {min_length} 项，现为 {actual_length} 项",
    "too_long": "至多 {max_length} 项，现为 {actual_length} 项",
    "string_type": "须为文本",
    "string_unicode": "含有无效字符",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "string_pattern_mismatch": "格式须符合 {pattern}",
    "list_type": "须为列表",
    "tuple_type": "须为列表",
    "bool_type": "须为 true 或 false",
    "bool_parsing": "须为 true 或 false",
    "int_type": "须为整数",
    "int_parsing": "须为整数",
    "int_parsing_size": "整数过大",
    "int_from_float": "须为整数",
    "float_type": "须为数字",
    "float_parsing": "须为数字",
    "literal_error": "须为 {expected}",
    "enum": "须为 {expected}",
    "datetime_type": "须为 RFC 3339 时间",
    "datetime_parsing": "须为 RFC 3339 时间",
    "datetime_object_invalid": "须为 RFC 3339 时间",
    "datetime_from_date_parsing": "须为 RFC 3339 时间",
    "timezone_aware": "时间须带时区",
    "union_tag_invalid": "{discriminator} 须为 {expected_tags}",
    "union_tag_not_found": "缺少 {discriminator}",
}
#: Of a value that is wrong in another way.
MALFORMED = "格式不正确"
