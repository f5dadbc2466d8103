"""What the contracts say when they refuse, for people; the figures are in the error itself."""

from __future__ import annotations

from berth.chain.reverts import ChainRevertError
from berth.core.compliance import Reason

#: By the error's name: English, Chinese. A test holds that every error of ours is here.
SENTENCES: dict[str, tuple[str, str]] = {
    "Berth_AttesterRevoked": (
        "This attester's word counts no longer.",
        "该核验机构已被取消资格。",
    ),
    "Berth_AttesterUnknown": (
        "No attester has this number in the role that is needed.",
        "没有该编号的相应核验机构。",
    ),
    "Berth_AttesterTaken": (
        "This attester number was given before.",
        "该核验机构编号已被使用。",
    ),
    "Berth_NotAttester": (
        "Only the attester may do this.",
        "只有该核验机构可以操作。",
    ),
    "Berth_AgreementExpired": (
        "The agreement was to be brought earlier: agree anew.",
        "协议已过期，请重新协商。",
    ),
    "Berth_BadAccount": (
        "This account cannot be used here.",
        "此账户不能用于此处。",
    ),
    "Berth_BadSignature": (
        "A signature is not by the one whose word is needed.",
        "签名不是由所需的一方作出。",
    ),
    "Berth_CalendarTaken": (
        "The space is leased or blocked for part of this time.",
        "该时段已被租用或锁定。",
    ),
    "Berth_CostAboveDeposit": (
        "That is more than the lease has in escrow.",
        "金额超过该租约的托管押金。",
    ),
    "Berth_CostAboveMaximum": (
        "It would cost more than you agreed to.",
        "费用超过您同意的上限。",
    ),
    "Berth_CreditTooLow": (
        "There is not enough credit for this: ask for less, or deposit more first.",
        "余额不足：请减少金额，或先充值。",
    ),
    "Berth_DaysNotShared": (
        "The space is not shared on these days.",
        "该日期不在共享日期内。",
    ),
    "Berth_DaysReversed": (
        "The offer's last day is before its first.",
        "报价的结束日期早于开始日期。",
    ),
    "Berth_Delisted": (
        "The space was delisted before.",
        "该车位已停止共享。",
    ),
    "Berth_DepositChanged": (
        "The lease was changed since: agree anew.",
        "该租约其后已变更，请重新协商。",
    ),
    "Berth_Disputed": (
        "The lease is disputed: only a decision, an agreement or time ends it.",
        "该租约处于争议中，只能由裁决、协议或时间结束。",
    ),
    "Berth_EditionTooSoon": (
        "The city has published so many editions that it may publish one a day.",
        "该城市发布的产权库版本过多，每天只能发布一个新版本。",
    ),
    "Berth_EditionOutOfOrder": (
        "Editions follow one another by one.",
        "产权库版本必须依次发布。",
    ),
    "Berth_EpochExhausted": (
        "This start was leased too often: choose another.",
        "该起始时段租用次数已达上限，请另选。",
    ),
    "Berth_EvidenceTime": (
        "The lock's record is of a time that does not fit the lease.",
        "地锁记录的时间与租约不符。",
    ),
    "Berth_ExtensionMismatch": (
        "The two parts of the market do not belong together.",
        "市场合约的两个部分不匹配。",
    ),
    "Berth_FeesTooLow": (
        "There are fewer fees than that.",
        "可提取的手续费不足。",
    ),
    "Berth_HoursNotShared": (
        "The space is not shared at these hours.",
        "该时段不在共享时间内。",
    ),
    "Berth_KindUnknown": (
        "The lock's record is of no known kind.",
        "地锁记录的类型未知。",
    ),
    "Berth_LeaseUnknown": (
        "There is no such lease.",
        "没有该租约。",
    ),
    "Berth_LengthMismatch": (
        "Two lists of the request differ in length.",
        "请求中的两个列表长度不一致。",
    ),
    "Berth_NotAuthority": (
        "Only the city's authority may do this.",
        "只有该城市的主管机构可以操作。",
    ),
    "Berth_NotCompliant": (
        "The registration does not comply.",
        "登记不符合要求。",
    ),
    "Berth_NotDisputed": (
        "The lease is not disputed.",
        "该租约没有争议。",
    ),
    "Berth_NotDriver": (
        "Only the driver of the lease may do this.",
        "只有该租约的驾驶人可以操作。",
    ),
    "Berth_NotHolder": (
        "The space is not held by this market.",
        "该车位不由本市场持有。",
    ),
    "Berth_NotOwner": (
        "Only the space's owner may do this, or its manager where a manager would do.",
        "只有车位所有人（或其管理人）可以操作。",
    ),
    "Berth_NotParty": (
        "Only driver and owner of the lease may do this.",
        "只有该租约的双方可以操作。",
    ),
    "Berth_NotPayee": (
        "Only the owner whom the lease pays may do this.",
        "只有该租约的收款人可以操作。",
    ),
    "Berth_NotPaused": (
        "There is no pause to end.",
        "当前没有暂停。",
    ),
    "Berth_OfferNotLive": (
        "The offer was withdrawn, or is not one of this space.",
        "该报价已撤回或不属于该车位。",
    ),
    "Berth_OutOfRange": (
        "A value is out of its range.",
        "数值超出范围。",
    ),
    "Berth_OutOfTime": (
        "It is too early for this, or too late.",
        "现在操作过早或过晚。",
    ),
    "Berth_Paused": (
        "Registering, publishing and leasing are paused for now.",
        "登记、发布和租用功能暂停中。",
    ),
    "Berth_PausedTooSoon": (
        "The last pause is too near.",
        "距上次暂停时间过短。",
    ),
    "Berth_PayoutNotWanted": (
        "The account has not asked for payouts.",
        "该账户未开启自动提现。",
    ),
    "Berth_ReleaseTooSoon": (
        "The space was not delisted long enough ago.",
        "该车位停止共享的时间不足。",
    ),
    "Berth_SpaceLapses": (
        "The space's title or lock attestation ends before that.",
        "该车位的产权或地锁证明将提前到期。",
    ),
    "Berth_SpaceUnknown": (
        "The space is not registered in this market.",
        "该车位未在本市场登记。",
    ),
    "Berth_StartInPast": (
        "The time has begun already.",
        "该时段已过。",
    ),
    "Berth_StartTooFar": (
        "The time is more than 90 days ahead.",
        "该时段超过 90 天。",
    ),
    "Berth_StayOutOfOffer": (
        "The stay is shorter or longer than the offer allows.",
        "时长不符合该报价的要求。",
    ),
    "Berth_TokenAmount": (
        "The token moved another amount than it was asked to.",
        "代币实际转账金额与要求不符。",
    ),
    "Berth_TooManyOffers": (
        "The space has had too many offers.",
        "该车位的报价数量已达上限。",
    ),
    "Berth_VehicleLapses": (
        "The vehicle's attestation ends before the lease does.",
        "车辆核验将在租期结束前到期。",
    ),
    "Berth_VehicleNotDrivers": (
        "The vehicle is not attested for this account.",
        "该车辆未通过此账户的核验。",
    ),
    "Berth_WrongState": (
        "The lease is in a state in which this is not possible.",
        "该租约目前的状态不允许此操作。",
    ),
}
#: The same of token, forwarder, roles and timelock, whose errors are OpenZeppelin's.
OTHERS: dict[str, tuple[str, str]] = {
    "ERC20InsufficientBalance": (
        "Your account has fewer tokens than this takes.",
        "您账户中的代币不足。",
    ),
    "ERC20InsufficientAllowance": (
        "The market may not take that many of your tokens yet: allow it first.",
        "市场合约尚未获准转移这么多代币，请先授权。",
    ),
    "ERC2771ForwarderExpiredRequest": (
        "What was signed has expired: sign it anew.",
        "签名已过期，请重新签名。",
    ),
    "ERC2771ForwarderInvalidSigner": (
        "It was brought to the chain already, or is signed by somebody else.",
        "该请求已上链，或签名者不符。",
    ),
    "ERC2771ForwarderMismatchedValue": (
        "Signed calls bring no ether along.",
        "签名请求不能附带以太币。",
    ),
    "ERC2771UntrustfulTarget": (
        "That contract does not take calls from this forwarder.",
        "该合约不接受此转发合约的调用。",
    ),
    "ERC20InvalidApprover": (
        "Nobody can allow the use of these tokens.",
        "代币授权人无效。",
    ),
    "ERC20InvalidReceiver": (
        "Tokens cannot be sent to that account.",
        "不能向该账户转入代币。",
    ),
    "ERC20InvalidSender": (
        "Tokens cannot be sent from that account.",
        "不能从该账户转出代币。",
    ),
    "ERC20InvalidSpender": (
        "That account cannot be allowed to use tokens.",
        "不能授权该账户使用代币。",
    ),
    "ERC2612ExpiredSignature": (
        "The permission to take tokens has expired: sign it anew.",
        "代币授权签名已过期，请重新签名。",
    ),
    "ERC2612InvalidSigner": (
        "The permission to take tokens was used, or is signed by somebody else.",
        "代币授权签名已被使用，或签名者不符。",
    ),
    "InvalidAccountNonce": (
        "Another order of the account came first: sign this one anew.",
        "该账户的另一个请求已先被处理，请重新签名。",
    ),
    "ECDSAInvalidSignature": (
        "Nobody can have made this signature.",
        "签名无效。",
    ),
    "ECDSAInvalidSignatureLength": (
        "The signature has another length than signatures have.",
        "签名长度有误。",
    ),
    "ECDSAInvalidSignatureS": (
        "The signature is in a form that is not taken: sign anew.",
        "签名形式不被接受，请重新签名。",
    ),
    "SafeERC20FailedOperation": (
        "The token did not do what it was asked to.",
        "代币合约未能完成操作。",
    ),
    "FailedCall": (
        "A call inside the transaction failed.",
        "交易中的调用失败。",
    ),
    "InsufficientBalance": (
        "The contract has less ether than that.",
        "合约中的以太币不足。",
    ),
    "AccessControlUnauthorizedAccount": (
        "This account has not the role that is needed.",
        "此账户没有所需的权限。",
    ),
    "AccessControlBadConfirmation": (
        "Roles are given up by the account that has them.",
        "只能由账户本身放弃其权限。",
    ),
    "InvalidShortString": ("A name is too long.", "名称过长。"),
    "StringTooLong": ("A name is too long.", "名称过长。"),
    "TimelockInsufficientDelay": (
        "Changes of the rules have to wait longer than that.",
        "规则变更的等待时间不足。",
    ),
    "TimelockInvalidOperationLength": (
        "Lists of the change differ in length.",
        "变更中的列表长度不一致。",
    ),
    "TimelockUnauthorizedCaller": (
        "This account may not bring changes of the rules.",
        "此账户无权提交规则变更。",
    ),
    "TimelockUnexecutedPredecessor": (
        "Another change has to be made first.",
        "须先执行另一项变更。",
    ),
    "TimelockUnexpectedOperationState": (
        "The change is not waiting, not ready or made already.",
        "该变更未排期、未到期或已执行。",
    ),
}
_OTHER = ("The contract refuses it.", "合约拒绝了该操作。")


def sentence(error: ChainRevertError, language: str = "en") -> str:
    """Why the contract refuses, in English ("en") or Chinese ("zh")."""
    words = SENTENCES.get(error.name) or OTHERS.get(error.name) or _OTHER
    told = words[1 if language.startswith("zh") else 0]
    reasons = error.arguments.get("reasons")
    if error.name != "Berth_NotCompliant" or not isinstance(reasons, int):
        return told
    known = [reason for reason in Reason if reasons >> reason.value & 1]
    space = "" if language.startswith("zh") else " "
    return space.join([told, *(reason.sentence(language) for reason in known)])
