"""An EVM inside this process: tens of thousands of transactions a second."""

import re

from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

from differential.engines import Receipt

_REVERT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}")
_GAS = 30_000_000
_READER = "0x" + "ca" * 20


class Revm:
    """One chain; a new one costs a few milliseconds."""

    def __init__(self, chain_id: int = 1337) -> None:
        self.chain_id = chain_id
        env = Env(cfg=CfgEnv(chain_id=chain_id), block=_block(1))
        self._evm = EVM(env=env, gas_limit=_GAS, spec_id="SHANGHAI")

    def deploy(self, sender: str, code: bytes) -> str:
        return self._evm.deploy(sender, code).lower()

    def send(self, sender: str, to: str, data: bytes, at: int) -> Receipt:
        self._evm.set_block_env(_block(at))
        return self._call(sender, to, data)

    def calls(self, wanted: list[tuple[str, bytes]]) -> list[bytes | None]:
        ask = self._evm.message_call
        answers: list[bytes | None] = []
        for to, data in wanted:
            try:
                answers.append(bytes(ask(_READER, to, data, is_static=True)))
            except RuntimeError:
                answers.append(None)
        return answers

    def refusal(self, sender: str, to: str, data: bytes) -> Receipt:
        # nobody may send from where a contract is: it steps aside for the moment
        account = self._evm.basic(sender)
        self._evm.insert_account_info(sender, AccountInfo(nonce=account.nonce))
        try:
            return self._call(sender, to, data)
        finally:
            self._evm.insert_account_info(
                sender, AccountInfo(nonce=account.nonce, code=account.code)
            )

    def _call(self, sender: str, to: str, data: bytes) -> Receipt:
        try:
            output = bytes(self._evm.message_call(sender, to, data))
        except RuntimeError as error:
            reverted = _REVERT.fullmatch(str(error))
            if reverted is None:
                # out of gas, an invalid opcode: no refusal of the contract
                raise
            return Receipt(ok=False, output=bytes.fromhex(reverted[1]))
        logs = [(log.address.lower(), *log.data) for log in self._evm.result.logs]
        return Receipt(ok=True, output=output, logs=logs)


def _block(at: int) -> BlockEnv:
    return BlockEnv(number=1, timestamp=at, gas_limit=_GAS)
