"""The locks' broker: does it answer, keep strangers out, hold to its rules, keep no command?"""

from __future__ import annotations

from dataclasses import replace

from berth.cli.doctor.finding import Case, Finding, ok, trouble, warning
from berth.cli.platform.broker import broker_login
from berth.cli.platform.running import read_running
from berth.core.errors import BerthError
from berth.devices.mqtt import BrokerAddress, BrokerLogin
from berth.devices.probe import (
    backend_speaks_for_locks,
    kept_commands,
    knock,
    lets_strangers_in,
)

_DO = {
    "broker.unreachable": "start the broker, or check BERTH_MQTT_URL",
    "broker.credentials": "give the backend's password: BERTH_MQTT_PASSWORD_FILE, or "
    "`berth devices` to make the broker's files anew",
    "broker.certificate": "BERTH_MQTT_CA_FILE names who vouches for the broker",
    "broker.ca": "BERTH_MQTT_CA_FILE must be a PEM file with certificates",
}
_RULES = "give the broker the access rules of docs/devices.md, “The broker”"


async def examine(case: Case) -> list[Finding]:
    """As the backend, on a connection beside the relays'."""
    try:
        login = _login(case)
        await knock(login, case.answer)
    except BerthError as error:
        return [trouble("broker", str(error), _DO.get(error.code, "look at the broker's log"))]
    findings = [ok("broker", f"{login.where} takes the backend's password")]
    if await lets_strangers_in(login, case.answer):
        says = "it takes any password: whoever reaches it can listen to every lock"
        findings.append(trouble("broker.strangers", says, _RULES))
    else:
        findings.append(ok("broker.strangers", "a wrong password is refused"))
    if await backend_speaks_for_locks(login, case.answer):
        says = "it lets the backend speak in the name of locks: it has no access rules"
        findings.append(trouble("broker.rules", says, _RULES))
    else:
        findings.append(ok("broker.rules", "nobody speaks in another's name"))
    try:
        topics = await kept_commands(login, case.answer)
    except BerthError as error:
        says = f"not looked whether it keeps commands: {error}"
        return [*findings, warning("broker.commands", says, _RULES)]
    if topics:
        says = f"it keeps {len(topics)} commands for whoever connects next: {topics[0]}"
        do = "publish an empty retained message there; nothing of Berth retains commands: who did?"
        findings.append(trouble("broker.commands", says, do, topics=topics))
    else:
        findings.append(ok("broker.commands", "it keeps no command"))
    return findings


def _login(case: Case) -> BrokerLogin:
    """A `berth up` that runs here says where its broker listens."""
    login = broker_login(case.settings)
    running = None if case.settings.mqtt_url else read_running(case.settings.home)
    return login if running is None else replace(login, address=BrokerAddress.parse(running.mqtt))
