"""Keys at rest, and the sealing of fields."""

import errno
import json
import os
import stat
import threading

import pytest
from berth.core import keys
from berth.core.errors import BerthError
from berth.core.sealed import KEY_FILE, Sealer, open_sealer
from berth.core.signing import address_of, new_private_key
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from eth_account import Account

LIGHT = keys.LIGHT_SCRYPT_N


def code_of(action):
    with pytest.raises(BerthError) as refused:
        action()
    return refused.value.code


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "keys" / "deployer.json"
    return path, keys.create_keystore(path, "swordfish", scrypt_n=LIGHT)


def test_a_keystore_gives_back_its_key_to_the_right_password(stored):
    path, address = stored
    assert address_of(keys.load_keystore(path, "swordfish")) == address
    assert address_of(keys.load_keystore(path, "swordfish", expect=address)) == address
    assert keys.keystore_address(path) == address


def test_a_keystore_is_the_json_that_wallets_read(stored):
    path, address = stored
    secret = Account.decrypt(json.loads(path.read_text()), "swordfish")
    assert address_of(bytes(secret)) == address
    assert json.loads(path.read_text())["crypto"]["kdf"] == "scrypt"


def test_only_its_owner_can_read_a_key_file(stored, tmp_path):
    old = os.umask(0)
    try:
        keys.create_ed25519(tmp_path / "open" / "ticket.pem", "pw")
    finally:
        os.umask(old)
    assert mode_of(stored[0]) == 0o600
    assert mode_of(stored[0].parent) == 0o700
    assert mode_of(tmp_path / "open" / "ticket.pem") == 0o600


def test_a_key_file_is_never_overwritten(stored):
    path, _ = stored
    before = path.read_bytes()
    assert code_of(lambda: keys.create_keystore(path, "other", scrypt_n=LIGHT)) == "key.exists"
    assert code_of(lambda: keys.create_ed25519(path, "other")) == "key.exists"
    assert path.read_bytes() == before


def test_a_given_key_is_stored(tmp_path):
    secret = new_private_key()
    keys.create_keystore(tmp_path / "k.json", "pw", private_key=secret, scrypt_n=LIGHT)
    assert keys.load_keystore(tmp_path / "k.json", "pw") == secret


def test_whatever_is_wrong_with_a_keystore_is_said(stored, tmp_path):
    path, _ = stored
    other = "0x" + "11" * 20
    bad = tmp_path / "bad.json"
    assert code_of(lambda: keys.load_keystore(path, "wrong")) == "key.wrong_password"
    assert code_of(lambda: keys.load_keystore(path, "swordfish", expect=other)) == (
        "key.wrong_address"
    )
    assert code_of(lambda: keys.load_keystore(tmp_path / "none.json", "pw")) == "key.missing"
    assert code_of(lambda: keys.load_keystore(tmp_path, "pw")) == "key.unreadable"
    for content in ("", "[]", "{}", '{"version": 3, "crypto": {}}', '{"version": 9}', "\x00\xff"):
        bad.write_text(content, "latin-1")
        assert code_of(lambda: keys.load_keystore(bad, "pw")) == "key.malformed"
        assert code_of(lambda: keys.keystore_address(bad)) == "key.malformed"


def test_an_empty_password_protects_nothing(tmp_path):
    path = tmp_path / "k"
    assert code_of(lambda: keys.create_keystore(path, "")) == "key.password_empty"
    assert code_of(lambda: keys.create_ed25519(path, "")) == "key.password_empty"
    assert not path.exists()


def test_an_ed25519_key_comes_back_as_itself(tmp_path):
    made = keys.create_ed25519(tmp_path / "ticket.pem", "pw")
    loaded = keys.load_ed25519(tmp_path / "ticket.pem", "pw")
    made.public_key().verify(loaded.sign(b"lower"), b"lower")
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "ticket.pem").read_bytes()


def test_whatever_is_wrong_with_an_ed25519_file_is_said(tmp_path):
    path = tmp_path / "ticket.pem"
    made = keys.create_ed25519(path, "pw")
    assert code_of(lambda: keys.load_ed25519(path, "wrong")) == "key.wrong_password"
    assert code_of(lambda: keys.load_ed25519(tmp_path / "none", "pw")) == "key.missing"
    plain = tmp_path / "plain.pem"
    plain.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert code_of(lambda: keys.load_ed25519(plain, "pw")) == "key.malformed"
    plain.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")
        )
    )
    assert code_of(lambda: keys.load_ed25519(plain, "pw")) == "key.malformed"
    plain.write_text("nonsense")
    assert code_of(lambda: keys.load_ed25519(plain, "pw")) == "key.malformed"


def test_a_password_comes_from_a_file_or_else_a_variable(tmp_path):
    file = tmp_path / "password"
    file.write_text("from file \n")
    environ = {"BERTH_PW": "from env"}
    assert keys.read_password(file=file, env="BERTH_PW", environ=environ) == "from file "
    assert keys.read_password(env="BERTH_PW", environ=environ) == "from env"
    assert code_of(lambda: keys.read_password(env="BERTH_PW", environ={})) == "key.password_missing"
    assert code_of(keys.read_password) == "key.password_missing"
    assert code_of(lambda: keys.read_password(file=tmp_path / "none")) == "key.missing"
    file.write_text("\n")
    assert code_of(lambda: keys.read_password(file=file)) == "key.password_empty"


# ---- sealed fields


def test_sealed_fields_open_again_and_hide_what_they_hold(tmp_path):
    sealer = open_sealer(tmp_path / "keys", create=True)
    sealed = sealer.seal({"plate": "京A12345", "level": -2})
    assert "12345" not in sealed
    assert sealer.open(sealed) == {"plate": "京A12345", "level": -2}
    assert open_sealer(tmp_path / "keys").open(sealed)["level"] == -2
    assert mode_of(tmp_path / "keys" / KEY_FILE) == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [KEY_FILE]


def test_a_missing_key_is_not_silently_replaced(tmp_path):
    assert code_of(lambda: open_sealer(tmp_path)) == "sealed.key_missing"
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_made_is_missing(tmp_path, monkeypatch):
    """A role that is given a copy of another's key has a folder that it cannot write."""

    def refuse(*_args, **_more):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("berth.core.sealed.os.open", refuse)
    with pytest.raises(BerthError, match="cannot be made: Read-only file system") as caught:
        open_sealer(tmp_path / "keys", create=True)
    assert caught.value.code == "sealed.key_missing"


@pytest.mark.parametrize("content", ["", "\n", "short", "é"])
def test_a_key_file_without_a_key_is_refused(tmp_path, content):
    (tmp_path / KEY_FILE).write_text(content)
    assert code_of(lambda: open_sealer(tmp_path, create=True)) == "sealed.key"


def test_changed_or_foreign_text_does_not_open():
    sealer, other = Sealer([Fernet.generate_key()]), Sealer([Fernet.generate_key()])
    sealed = sealer.seal({"a": 1})
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    for text in (other.seal({"a": 1}), changed, "", "é", "no token"):
        assert code_of(lambda text=text: sealer.open(text)) == "sealed.broken"
        assert code_of(lambda text=text: sealer.reseal(text)) == "sealed.broken"


def test_a_new_first_key_seals_and_the_old_one_still_opens():
    old, new = Fernet.generate_key(), Fernet.generate_key()
    sealed = Sealer([old]).seal({"a": 1})
    both = Sealer([new, old])
    assert both.open(sealed) == {"a": 1}
    assert Sealer([new]).open(both.reseal(sealed)) == {"a": 1}
    assert Sealer([new]).open(both.seal({"b": 2})) == {"b": 2}


def test_processes_that_start_together_agree_on_one_key(tmp_path, monkeypatch):
    # threads of one process share a process id, so each gets a number of its own
    numbers = iter(range(100))
    monkeypatch.setattr(os, "getpid", lambda: next(numbers))
    sealers = []
    threads = [
        threading.Thread(target=lambda: sealers.append(open_sealer(tmp_path, create=True)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = sealers[0].seal({"a": 1})
    assert [sealer.open(sealed) for sealer in sealers] == [{"a": 1}] * 8
