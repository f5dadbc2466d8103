"""The signer: does it answer, for this market, and does its own node agree with ours?"""

from __future__ import annotations

from berth.chain.nodes import Nodes
from berth.cli.doctor.finding import Case, Finding, ok, trouble, unchecked, warning
from berth.cli.platform.running import read_running
from berth.cli.platform.signing import check_signer, remote_signer
from berth.core.errors import BerthError

#: Blocks between the signer's node and ours.
LAG_BLOCKS = 10
_DO = {
    "signer.unreachable": "start `berth signer`, or check BERTH_SIGNER_URL",
    "signer.market": "give the signer the right deployment file, or this side the right signer",
}


async def examine(case: Case) -> list[Finding]:
    """`berth up` signs in its own process: there is nobody to ask."""
    if case.deployment is None:
        return [unchecked("signer", "there is no deployment")]
    if read_running(case.settings.home) is not None:
        return [ok("signer", "`berth up` signs in its own process")]
    try:
        async with remote_signer(case.settings) as signer:
            said = await check_signer(signer, case.deployment)
    except BerthError as error:
        return [trouble("signer", str(error), _DO.get(error.code, "look at the signer's log"))]
    findings = [ok("signer", "it answers, for this market", head=said.get("head"))]
    head = said.get("head")
    if not isinstance(head, int):
        do = "look at the signer's node: BERTH_SIGNER_RPC_URL"
        return [*findings, trouble("signer.node", "its node does not answer", do)]
    try:
        async with Nodes(
            case.settings.rpc_urls, case.deployment, timeout=case.answer, retries=0
        ) as rpc:
            ours = await rpc.block_number()
    except BerthError as error:
        return [*findings, unchecked("signer.node", str(error))]
    if abs(ours - head) > LAG_BLOCKS:
        says = f"its node is at block {head}, ours at {ours}"
        findings.append(warning("signer.node", says, "one of the two is behind: look at both"))
    else:
        findings.append(ok("signer.node", f"its node is at block {head}, ours at {ours}"))
    return findings
