"""The sentences of the access policy, English and Chinese, by code."""

from __future__ import annotations

#: Figures that are names: states of a lease, faults of a lock.
NAMES: dict[str, tuple[str, str]] = {
    "none": ("none", "无"),
    "booked": ("booked", "已预订"),
    "parked": ("parked", "已停车"),
    "claimed": ("claimed", "待确认超时"),
    "settled": ("settled", "已结算"),
    "cancelled": ("cancelled", "已取消"),
    "blocked": ("blocked", "车位主锁定"),
    "low_battery": ("low battery", "电量低"),
    "motor": ("motor", "电机故障"),
    "coil": ("vehicle sensor", "车辆传感器故障"),
    "bar_position": ("position of the bar", "挡杆位置异常"),
    "shell_opened": ("shell opened", "外壳被打开"),
    "car_detected": ("a car was detected", "检测到车辆"),
    "released": ("bar released by hand", "挡杆被手动释放"),
}
# reason -> (English, Chinese)
SENTENCES: dict[str, tuple[str, str]] = {
    "request.not_lessee": (
        "This lease is not yours.",
        "该租约不属于您。",
    ),
    "lease.not_open": (
        "The lease is not open (it is {state}).",
        "租约未生效或已结束（状态：{state}）。",
    ),
    "lease.shallow": (
        "Your lease has {have} of {need} confirmations, about {seconds} s to go.",
        "租约已获 {have}/{need} 个区块确认，约需 {seconds} 秒。",
    ),
    "window.early": (
        "Too early: the lock may open in {minutes} min.",
        "时间未到：{minutes} 分钟后方可开锁。",
    ),
    "window.over": (
        "The leased time is over.",
        "租用时间已结束。",
    ),
    "index.behind": (
        "The service is still reading the chain.",
        "服务正在同步区块链数据。",
    ),
    "clock.skew": (
        "The service's clock and the chain's differ by {seconds} s.",
        "服务时钟与区块链时间相差 {seconds} 秒。",
    ),
    "lock.offline": (
        "The lock is not connected.",
        "地锁未联网。",
    ),
    "lock.unknown_position": (
        "The lock has not told its position yet.",
        "尚未收到地锁的状态。",
    ),
    "lock.open": (
        "The lock is down already.",
        "地锁已降下。",
    ),
    "lock.moving": (
        "The lock is moving.",
        "地锁正在动作。",
    ),
    "lock.jammed": (
        "The lock is jammed.",
        "地锁卡住了。",
    ),
    "lock.fault": (
        "The lock reports a fault: {fault}.",
        "地锁报告故障：{fault}。",
    ),
    "bay.occupied": (
        "Another vehicle stands in the space.",
        "车位被其他车辆占用。",
    ),
    "near.missing": (
        "Your phone has not reported that you are at the entrance.",
        "您的手机尚未报告到达入口。",
    ),
    "plate.missing": (
        "The camera has not read your plate yet.",
        "摄像头尚未识别到您的车牌。",
    ),
    "plate.stale": (
        "The plate was read more than {seconds} s ago.",
        "车牌识别已超过 {seconds} 秒。",
    ),
    "plate.unsure": (
        "The camera could not read the plate clearly.",
        "摄像头未能清晰识别车牌。",
    ),
    "plate.mismatch": (
        "The plate is not that of the leased vehicle.",
        "车牌与租约车辆不符。",
    ),
    "confirm.missing": (
        "You have not confirmed yet.",
        "您尚未确认开锁。",
    ),
    "confirm.stale": (
        "Your confirmation is more than {seconds} s old.",
        "您的确认已超过 {seconds} 秒。",
    ),
}

# need -> (English, Chinese)
NEEDS: dict[str, tuple[str, str]] = {
    "book": ("Lease a space for now.", "请预订当前时段的车位。"),
    "wait_confirmations": ("Wait for the confirmations.", "请等待区块确认。"),
    "wait_start": ("Come back at that time.", "请届时再试。"),
    "wait_system": ("Wait a moment; the service recovers by itself.", "请稍候，服务将自动恢复。"),
    "wait_lock": ("Wait for the lock to report.", "请等待地锁响应。"),
    "drive_in": ("Drive in.", "请驶入车位。"),
    "service_lock": (
        "The lock needs service: tell its owner. If you cannot park, your deposit comes back.",
        "地锁需要检修：请告知车位主。若无法停车，押金将全额退还。",
    ),
    "clear_bay": (
        "The space must be empty: tell its owner. If you cannot park, your deposit comes back.",
        "车位须为空：请告知车位主。若无法停车，押金将全额退还。",
    ),
    "come_near": (
        "Drive to the entrance, or press \u201cI'm here\u201d.",
        "请驶至入口，或按“我已到达”。",
    ),
    "show_plate": (
        "Stop in front of the lock so that its camera sees your plate.",
        "请将车停在地锁前，让摄像头看清车牌。",
    ),
    "confirm": ("Confirm on your phone.", "请在手机上确认。"),
}
