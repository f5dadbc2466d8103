"""Random sequences on the contracts and on the Python model: they agree in every event, every error
and all that they know, and no unit of money is lost."""

from differential.campaign import VERBS, run
from differential.signing import digest, domain_separator
from differential.tally import Tally

#: Of every verb, every kind of record and every outcome, in a run.
WANTED = 50
SEQUENCES = 160
ON_GANACHE = range(900_001, 900_006)


def test_every_verb_is_accepted_fifty_times_and_both_sides_agree_on_every_step(fresh, capsys):
    tally, findings = run(range(1, SEQUENCES + 1), fresh)
    with capsys.disabled():
        print(f"\n{SEQUENCES} sequences, {tally.steps} steps\n{tally.table()}")
    assert not findings, "\n".join(map(str, findings))
    few = {verb: tally.accepted[verb] for verb in VERBS if tally.accepted[verb] < WANTED}
    assert not few, f"accepted too rarely: {few}"
    assert all(tally.kinds[kind] >= WANTED for kind in (1, 2, 3, 4)), tally.kinds
    rare = {2: 10, 3: 10, 12: 20}  # Accepted, Matured, Lapsed
    few = {n: tally.outcomes[n] for n in range(1, 13) if tally.outcomes[n] < rare.get(n, WANTED)}
    assert not few, f"leases ended too rarely so: {few}"
    assert tally.steps >= 40 * SEQUENCES
    assert tally.refused.total() >= tally.steps // 20, "nothing forbidden was tried"
    assert tally.relayed.total() >= tally.steps // 50, "nothing was sponsored"
    assert len(tally.errors) >= 35, f"few reasons to refuse: {sorted(tally.errors)}"


def test_the_chain_of_record_gives_the_same_answers(on_ganache):
    tally, findings = run(ON_GANACHE, on_ganache)
    print(f"\n{len(ON_GANACHE)} sequences, {tally.steps} steps\n{tally.table()}")
    assert not findings, "\n".join(map(str, findings))
    assert tally.accepted.total() >= 150


def test_a_seed_tells_the_same_sequence_again(fresh):
    tallies = []
    for _ in range(2):
        tally, _ = run([7], fresh)
        tallies.append(tally)
    assert tallies[0] == tallies[1] != Tally()


def test_the_fast_signatures_are_those_of_the_backend(fresh):
    """The sequences sign with digests of their own making, and never twice with another nonce."""
    from berth.core import messages
    from berth.core.signing import recover_digest
    from differential.cast import by_address
    from differential.wire import AGREEMENT, HOLDER, LOCK, OCCUPANCY, POSSESSION, VEHICLE

    market, wallet = "0x" + "ab" * 20, "0x" + "cd" * 20
    domain = messages.Domain(1337, market)
    mine = domain_separator("Berth Parking Market", "1", 1337, market)
    holder, plate = b"\x11" * 32, b"\x22" * 32
    pairs = [
        (
            messages.holder_attestation(domain, wallet, holder, 5, 6),
            (HOLDER, wallet, holder, 5, 6),
        ),
        (messages.lock_attestation(domain, wallet, 5), (LOCK, wallet, 5)),
        (
            messages.lock_possession(domain, wallet, 1 << 50, market),
            (POSSESSION, wallet, 1 << 50, market),
        ),
        (
            messages.vehicle_attestation(domain, wallet, plate, 2, 7),
            (VEHICLE, wallet, plate, 2, 7),
        ),
        (messages.occupancy(domain, 1 << 90, 2, 3, 4, 5), (OCCUPANCY, 1 << 90, 2, 3, 4, 5)),
    ]
    for theirs, (type_, *values) in pairs:
        assert digest(mine, type_, *values) == theirs.digest
    content = digest(mine, AGREEMENT, 1, 2, 3, 4)
    for account, person in by_address().items():
        assert recover_digest(content, person.signer.sign(content)) == account
