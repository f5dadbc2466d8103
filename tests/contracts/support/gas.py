"""What a transaction cost, and the least that anybody could pay for what it did.

The floor counts what the effects themselves cost on a shanghai chain, read from the transaction's
own trace: the transaction, its data, every storage word it touched (once, cold, at the price of its
change), its events, the signatures it recovered, and the token's part. What lies above the floor is
computing.
"""

from brownie import web3

BASE = 21_000
ZERO_BYTE, DATA_BYTE = 4, 16
COLD_READ, COLD_ACCOUNT = 2_100, 2_600
SET, CHANGE = 20_000, 2_900  # on top of the cold read
CLEARED = -4_800  # EIP-3529; on top of a change
LOG, TOPIC, LOG_BYTE = 375, 375, 8
ECRECOVER = 3_000

PARTS = ("transaction", "calldata", "storage", "logs", "signatures", "token")


def floor(tx, token: str, extension: str) -> dict[str, int]:
    """The parts of the floor of a mined transaction. What the market's extension does, it does to
    the market's storage; calling it is no part of the floor."""
    data = bytes.fromhex(tx.input[2:])
    parts = dict.fromkeys(PARTS, 0)
    parts["transaction"] = BASE
    parts["calldata"] = sum(DATA_BYTE if byte else ZERO_BYTE for byte in data)
    for log in web3.eth.get_transaction_receipt(tx.txid)["logs"]:
        parts["logs"] += LOG + TOPIC * len(log["topics"]) + LOG_BYTE * len(log["data"])

    touched, called = set(), set()
    for step in tx.trace:
        if step["op"] in ("SLOAD", "SSTORE"):
            where = tx.receiver if step["address"] == extension else step["address"]
            touched.add((where, int(step["stack"][-1], 16)))
        elif step["op"] in ("CALL", "STATICCALL"):
            target = int(step["stack"][-2], 16)
            if target == 1:
                parts["signatures"] += ECRECOVER
            else:
                called.add(web3.to_checksum_address(f"0x{target:040x}"))
    for address, slot in touched:
        part = "token" if address == token else "storage"
        parts[part] += _storage(address, slot, tx.block_number)
    for address in called:
        parts["token" if address == token else "storage"] += COLD_ACCOUNT
    return parts


def _storage(address: str, slot: int, block: int) -> int:
    before, after = (
        int.from_bytes(web3.eth.get_storage_at(address, slot, number), "big")
        for number in (block - 1, block)
    )
    if before == after:
        return COLD_READ
    if before == 0:
        return COLD_READ + SET
    return COLD_READ + CHANGE + (CLEARED if after == 0 else 0)
