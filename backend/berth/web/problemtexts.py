"""What the API says when it refuses, by the problem's code: English, Chinese.

In braces: figures of the error, and `field`, the name of the input at fault.
"""

from __future__ import annotations

Pair = tuple[str, str]

SENTENCES: dict[str, Pair] = {
    # ---- sessions
    "session.required": ("Sign in first.", "请先登录。"),
    "session.message": (
        "This is not a sign-in message (EIP-4361).",
        "这不是登录消息（EIP-4361）。",
    ),
    "session.domain": (
        "The message is for {given}, not for this site.",
        "该消息是给 {given} 的，不是给本站的。",
    ),
    "session.uri": (
        "The message is for {given}, not for this site.",
        "该消息是给 {given} 的，不是给本站的。",
    ),
    "session.chain": (
        "The message is for chain {given}, not for the one here.",
        "该消息属于链 {given}，与此处的链不符。",
    ),
    "session.stale": (
        "The message was issued at {given}: sign a new one.",
        "该消息签发于 {given}，请重新签名。",
    ),
    "session.expired": ("The message has expired: sign a new one.", "该消息已过期，请重新签名。"),
    "session.not_yet": ("The message is not valid yet.", "该消息尚未生效。"),
    "session.nonce": (
        "The nonce is unknown, used or too old: ask for a new one.",
        "登录随机数未知、已使用或过期，请重新获取。",
    ),
    "session.signature": (
        "The signature is not this account's.",
        "签名不是由此账户作出。",
    ),
    "session.busy": (
        "Too many sign-ins at once: try again in a minute.",
        "登录人数过多，请一分钟后重试。",
    ),
    "session.origin": (
        "Requests from {origin} are refused.",
        "来自 {origin} 的请求已被拒绝。",
    ),
    # ---- places, times, cities
    "city.code": (
        "{given!r} is no UN/LOCODE of five characters.",
        "{given!r} 不是五位的城市代码（UN/LOCODE）。",
    ),
    "city.number": ("{given} is no UN/LOCODE.", "{given} 不是城市代码（UN/LOCODE）。"),
    "city.unknown": (
        "{city} has not published an edition of its titles.",
        "{city} 尚未发布产权库。",
    ),
    "cell.invalid": (
        "{given!r} is no geohash of six characters.",
        "{given!r} 不是六位 geohash 编码。",
    ),
    "place.invalid": (
        "A place needs decimal degrees, not {given!r}.",
        "位置须为十进制度数，不能是 {given!r}。",
    ),
    "place.range": (
        "{given} is not between -{limit:g} and {limit:g}.",
        "{given} 不在 -{limit:g} 至 {limit:g} 之间。",
    ),
    "place.unknown": (
        "The place of this space is not on record.",
        "该车位尚无位置记录。",
    ),
    "place.cell": (
        "The place is {metres:.0f} m from where the chain has the space.",
        "该位置距链上登记的车位 {metres:.0f} 米。",
    ),
    "search.place": ("Give a point or words.", "请给出坐标或地点文字。"),
    "time.invalid": (
        "{given!r} is no time like 2026-11-21T08:00:00Z.",
        "{given!r} 不是形如 2026-11-21T08:00:00Z 的时间。",
    ),
    "zone.unknown": ("There is no time zone {zone!r}.", "没有时区 {zone!r}。"),
    "zone.offset": (
        "{zone} was {offset} from UTC then, which is no quarter of an hour.",
        "{zone} 当时与 UTC 相差 {offset}，不是一刻钟的整数倍。",
    ),
    "stay.reversed": ("The end must be after the start.", "结束时间须晚于开始时间。"),
    "stay.past": ("The start has passed.", "开始时间已过。"),
    "stay.too_far": (
        "The start is more than 90 days ahead.",
        "开始时间距现在超过 90 天。",
    ),
    "stay.too_long": (
        "The stay is longer than seven days.",
        "停车时长超过七天。",
    ),
    "window.range": ("That is no time of this market.", "该时间不在本市场范围内。"),
    # ---- values
    "address.invalid": (
        "{field}: an address is 0x and 40 hexadecimal digits, not {given!r}.",
        "{field}：地址应为 0x 加 40 位十六进制数字，不能是 {given!r}。",
    ),
    "address.checksum": (
        "{field}: {given} has a wrong checksum.",
        "{field}：{given} 的校验和有误。",
    ),
    "address.empty": ("The address is empty.", "地址为空。"),
    "address.hash": (
        "Address and salt do not give the address hash of the title.",
        "地址与盐值和产权所载的地址哈希不符。",
    ),
    "connector.unknown": (
        "{given!r} is none of {known}.",
        "{given!r} 不是以下任何一种充电接口：{known}。",
    ),
    "cursor.invalid": ("This is not a cursor of this list.", "该游标不属于此列表。"),
    "field.length": (
        "{field} must have {length} bytes.",
        "{field} 须为 {length} 字节。",
    ),
    "key.invalid": ("This is no private key.", "私钥无效。"),
    "field.hex": (
        "{field} must be 0x and {digits} hexadecimal digits.",
        "{field} 须为 0x 加 {digits} 位十六进制数字。",
    ),
    "id.invalid": (
        "{field} must be 0x and {digits} hexadecimal digits, not {given!r}.",
        "{field} 须为 0x 加 {digits} 位十六进制数字，不能是 {given!r}。",
    ),
    "money.invalid": (
        "{given!r} is not a whole number of minor units.",
        "{given!r} 不是以最小单位计的整数金额。",
    ),
    "money.range": (
        "{given} is not between {low} and {high}.",
        "{given} 不在 {low} 至 {high} 之间。",
    ),
    "plate.invalid": (
        "A plate has 2 to 12 letters and digits.",
        "车牌号应为 2 至 12 个字母、汉字或数字。",
    ),
    "signature.length": ("A signature has 65 bytes.", "签名应为 65 字节。"),
    "signature.v": ("The signature's v must be 27 or 28.", "签名的 v 值须为 27 或 28。"),
    "signature.s": (
        "The signature's s is in the upper half: sign anew.",
        "签名的 s 值超出规范范围，请重新签名。",
    ),
    "signature.invalid": ("Nobody can have made this signature.", "该签名无效。"),
    "title.invalid": ("The title is malformed.", "产权数据格式有误。"),
    "holder.empty": ("The holder is empty.", "产权人为空。"),
    # ---- spaces, titles, offers
    "space.unknown": ("This space is not registered.", "该车位未登记。"),
    "space.not_owner": (
        "This space is not yours, nor yours to manage.",
        "该车位不属于您，也不由您管理。",
    ),
    "offer.unknown": ("The space has no offer {number}.", "该车位没有编号 {number} 的报价。"),
    "title.not_holder": ("This title is not yours.", "该产权不属于您。"),
    "title.not_attested": (
        "The verifier's word is not taken: {why}",
        "核验机构的证明不被接受：{why}",
    ),
    "titles.unknown": (
        "No edition of {city} has been imported.",
        "尚未导入 {city} 的产权库。",
    ),
    "titles.absent": (
        "{city} has no title {title}.",
        "{city} 没有产权 {title}。",
    ),
    "titles.taken": (
        "Title {title} of {city} is not free: registered, held by somebody, or not for sharing.",
        "{city} 的产权 {title} 不可领取：已登记、已有产权人或不可共享。",
    ),
    "titles.none_free": ("No generated title is free.", "已没有可领取的试用产权。"),
    "titles.local_only": (
        "Generated titles can be taken on a local chain only, this is chain {chain}.",
        "试用产权只能在本地链上领取，当前为链 {chain}。",
    ),
    "settlement.unknown": ("There is no settlement {number}.", "没有编号 {number} 的结算。"),
    # ---- leases, locks
    "lease.unknown": ("There is no such lease of yours.", "您没有该租约。"),
    "lease.not_lessee": (
        "Only the driver of the lease may do this.",
        "只有该租约的驾驶人可以操作。",
    ),
    "lease.over": ("The lease is over.", "该租约已结束。"),
    "lease.open": ("The lease is not settled yet.", "该租约尚未结算。"),
    "lease.unconfirmed": (
        "The lease has {have} of {need} confirmations, about {seconds} s to go.",
        "租约已获 {have}/{need} 个区块确认，约需 {seconds} 秒。",
    ),
    "navigation.absent": (
        "Neither the owner nor the registry has told this service the exact place.",
        "车位主和登记机构均未提供车位的确切位置。",
    ),
    "presence.event": ("The event must be one of {known}.", "事件须为以下之一：{known}。"),
    "unlock.cycle": (
        "The lock is at cycle {cycle} by now: confirm anew.",
        "地锁已进入第 {cycle} 次使用，请重新确认。",
    ),
    "unlock.stale": (
        "The confirmation is more than {seconds} s from the service's time: confirm anew.",
        "确认时间与服务时间相差超过 {seconds} 秒，请重新确认。",
    ),
    "unlock.signature": (
        "The confirmation is not signed by the driver.",
        "该确认不是由驾驶人签名。",
    ),
    "extend.nothing": ("Give more time, more energy, or both.", "请填写要增加的时间或电量。"),
    "extend.too_much": (
        "The lease would have {total}; {most} is the most.",
        "租约将达到 {total}，上限为 {most}。",
    ),
    "agree.cost": (
        "That is more than the deposit, {deposit}.",
        "金额超过押金 {deposit}。",
    ),
    # ---- vehicles
    "vehicle.commitment": (
        "This is not the commitment of that vehicle.",
        "该承诺值与车辆不符。",
    ),
    "vehicle.lapsed": ("The vehicle's attestation is over.", "车辆核验已过期。"),
    "vehicle.not_attested": (
        "The chain does not hold this vehicle for your account.",
        "链上没有您账户名下的该车辆。",
    ),
    "vehicle.plate_unknown": (
        "Hand over the plate of the lease's vehicle first.",
        "请先提交该租约车辆的车牌号。",
    ),
    "vehicle.signature": (
        "The verifier did not sign this for your account and vehicle.",
        "核验机构的签名与您的账户或车辆不符。",
    ),
    "vehicle.taken": (
        "The plate of this commitment is another account's.",
        "该承诺值对应的车牌属于其他账户。",
    ),
    "vehicle.verifier": (
        "This verifier's word does not count.",
        "该核验机构无效。",
    ),
    "quote.vehicle": (
        "The proof is of another vehicle.",
        "核验证明属于另一辆车。",
    ),
    "quote.disagrees": (
        "Chain and index disagree about the price just now: try again.",
        "链上与索引的价格暂不一致，请稍后重试。",
    ),
    "index.empty": ("The index has not read a block yet.", "索引尚未读取任何区块。"),
    "index.behind": (
        "The service is still reading the chain: try again.",
        "服务正在同步区块链数据，请稍候重试。",
    ),
    # ---- signed calls
    "intent.unknown": ("Nothing of yours is known by this id.", "没有您的该编号请求。"),
    "intent.foreign": (
        "The request is not from the signed-in account.",
        "该请求不属于已登录的账户。",
    ),
    "intent.unsponsored": (
        "Nobody pays for it here: send it by the wallet.",
        "此处无人代付，请用钱包自行发送。",
    ),
    "intent.signature": (
        "The signature is not by the account that the request is from.",
        "签名不是由发出请求的账户作出。",
    ),
    "intent.gas": (
        "The request's gas is not from 1 to {most}.",
        "请求的 gas 不在 1 至 {most} 之间。",
    ),
    "intent.deadline": (
        "The request's deadline is not within {seconds} seconds from now: prepare it anew.",
        "请求的截止时间不在 {seconds} 秒之内，请重新准备。",
    ),
    "intent.nonce": (
        "Another order of yours came first: prepare this one anew.",
        "您的另一个请求已先被处理，请重新准备。",
    ),
    "intent.busy": (
        "Your last order is on its way to the chain: wait for it.",
        "您的上一个请求正在上链，请稍候。",
    ),
    "intent.not_paid": (
        "The operator does not pay for this now: try again later, or send it yourself.",
        "运营方目前无法代付，请稍后重试或自行发送。",
    ),
    # ---- trying out
    "local.none": ("This is for local chains only.", "此功能仅供本地链试用。"),
    "local.lock_offline": ("The lock is not there: try again.", "地锁未连接，请重试。"),
    "local.lock_taken": (
        "The lock of this title is somebody else's.",
        "该产权的地锁属于他人。",
    ),
    "local.not_yours": ("Somebody else's car is there.", "那里停着他人的车。"),
    "local.refused": ("The local chain refused it.", "本地链拒绝了该操作。"),
    "local.slow": (
        "The local chain does not mine: try again.",
        "本地链暂未出块，请重试。",
    ),
    # ---- operators
    "operator.none": (
        "This installation has no operator's token.",
        "此服务未设置运营方令牌。",
    ),
    "operator.token": ("Give the operator's token.", "请提供运营方令牌。"),
    "command.unknown": ("There is no such command.", "没有该指令。"),
    "command.not_over": (
        "The command is {state}: it is still at work.",
        "该指令仍在执行（{state}）。",
    ),
    "command.done": (
        "The command is {state}: there is nothing to try again.",
        "该指令已结束（{state}），无需重试。",
    ),
    "command.replaced": (
        "Another command for the same has been made already.",
        "已有另一条相同的指令。",
    ),
    "command.cycle": (
        "The vehicle that it was for has been and gone.",
        "该指令对应的车辆已离开。",
    ),
    "outbox.unknown": ("There is no such row.", "没有该记录。"),
    "outbox.not_dead": ("The row is {state}, not dead.", "该记录为 {state}，并未失败。"),
    "incident.unknown": ("There is no such incident.", "没有该事件。"),
    "incident.resolved": (
        "The incident is resolved already: {how}",
        "该事件已处理：{how}",
    ),
    "incident.resolution": (
        "Say in 1 to {most} characters what was done.",
        "请用 1 至 {most} 个字说明处理情况。",
    ),
    # ---- the ledger
    "audit.busy": (
        "The ledger is being added up for others: try again in a moment.",
        "正在为其他人汇总账本，请稍后重试。",
    ),
    # ---- events
    "events.id": ("This is no id of this stream.", "该编号不属于此事件流。"),
    "events.busy": ("Too many listeners: try again later.", "监听连接过多，请稍后重试。"),
    # ---- requests that are none
    "request.body": ("The request's body cannot be read.", "无法读取请求内容。"),
    "request.invalid": ("The request is not valid.", "请求无效。"),
    "request.method": ("This address does not take that method.", "该地址不支持此请求方法。"),
    "request.not_found": ("There is nothing at this address.", "该地址不存在。"),
    "request.too_large": ("The request's body is too large.", "请求内容过大。"),
    "store.unavailable": (
        "The database does not answer: try again.",
        "数据库未响应，请重试。",
    ),
    "internal": (
        "Something is not right on our side; it is in the log.",
        "服务出现内部错误，已记录在日志中。",
    ),
}
#: Where one code is said of several things: by the sentence that it was raised with.
VARIANTS: dict[str, dict[str, Pair]] = {
    "field.range": {
        "must be an integer, not {given!r}": (
            "{field} must be an integer, not {given!r}.",
            "{field} 须为整数，不能是 {given!r}。",
        ),
        "{given} is not between {low} and {high}": (
            "{field}: {given} is not between {low} and {high}.",
            "{field}：{given} 不在 {low} 至 {high} 之间。",
        ),
        "does not fit 256 bits": (
            "{field} does not fit 256 bits.",
            "{field} 超出 256 位。",
        ),
    },
    "money.range": {
        "must be an integer, not {given!r}": (
            "{field} must be an integer, not {given!r}.",
            "{field} 须为整数，不能是 {given!r}。",
        ),
    },
    "command.lease_over": {
        "its lease is not in the chain": (
            "The command's lease is not in the chain.",
            "该指令的租约不在链上。",
        ),
        "its lease is over": ("The command's lease is over.", "该指令的租约已结束。"),
        "its lease's space has another lock now": (
            "The space of the command's lease has another lock now.",
            "该指令的车位已更换地锁。",
        ),
    },
    "intent.data": {
        "is longer than {most} bytes": (
            "The call is longer than {most} bytes.",
            "该调用超过 {most} 字节。",
        ),
        "is no verb of that contract": (
            "The call is no verb of that contract.",
            "该合约没有此操作。",
        ),
        "is not what {verb} takes": (
            "The call is not what {verb} takes.",
            "该调用与 {verb} 的参数不符。",
        ),
    },
    "intent.target": {
        "is neither the market nor its currency": (
            "Calls go to the market or its currency only.",
            "只能调用市场合约或其代币合约。",
        ),
        "is paid for on the market only": (
            "The operator pays for calls of the market only.",
            "运营方只代付对市场合约的调用。",
        ),
    },
    "intent.verb": {
        "is none of this market": ("The market has no such verb.", "市场没有此操作。"),
        "{verb} is sent by the account itself": (
            "The account has to send {verb} itself.",
            "{verb} 须由账户自行发送。",
        ),
    },
    "intent.limit": {
        "the operator pays for {calls} orders of an account in 24 hours, and has": (
            "The operator pays for {calls} orders of an account in 24 hours, and has.",
            "运营方 24 小时内为每个账户代付 {calls} 次，现已用完。",
        ),
        "what the operator pays for an account in 24 hours is used up": (
            "What the operator pays for an account in 24 hours is used up.",
            "运营方 24 小时内为每个账户代付的额度已用完。",
        ),
        "what the operator pays for newcomers in 24 hours is used up": (
            "What the operator pays for newcomers in 24 hours is used up.",
            "运营方 24 小时内为新用户代付的额度已用完。",
        ),
        "what the operator pays for in 24 hours is used up": (
            "What the operator pays for in 24 hours is used up.",
            "运营方 24 小时内的代付总额度已用完。",
        ),
    },
    "titles.unknown": {
        "no edition {edition} of {city} has been imported": (
            "No edition {edition} of {city} has been imported.",
            "尚未导入 {city} 的第 {edition} 版产权库。",
        ),
    },
    "local.enough": {
        "that is all there is of {what}: {most} a day for one account": (
            "That is all there is of {what}: {most} a day for one account.",
            "{what}：每个账户每天 {most} 次，现已用完。",
        ),
        "that is all there is of {what}: {most} a day in all": (
            "That is all there is of {what}: {most} a day in all.",
            "{what}：全部账户每天共 {most} 次，现已用完。",
        ),
        "that is all there is of {what}: {most} for one account": (
            "That is all there is of {what}: {most} for one account.",
            "{what}：每个账户 {most} 个，现已用完。",
        ),
        "that is all there is of {what}: {most} in all": (
            "That is all there is of {what}: {most} in all.",
            "{what}：全部共 {most} 个，现已用完。",
        ),
    },
    "local.not_now": {
        "no car of this lease is there": (
            "No car of this lease is there.",
            "该租约的车不在那里。",
        ),
        "a car stands in the space": ("A car stands in the space.", "车位上停有车辆。"),
        "a car comes from a quarter of an hour before the lease's start, while it is open": (
            "A car comes from a quarter of an hour before the lease's start, while it is open.",
            "车辆只能在租约开始前一刻钟起、租约有效期间到达。",
        ),
    },
}
