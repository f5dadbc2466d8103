"""The commands as a shell sees them: words, exit codes, files."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from berth.cli.main import main
from berth.core.deployment import deployment_json
from berth.core.keys import LIGHT_SCRYPT_N, create_keystore, load_keystore
from berth.core.messages import holder_attestation, lock_attestation, recover, vehicle_attestation
from berth.core.plate import commitment
from berth.core.signing import address_of

from .sources import COLUMNS, row, rows
from .test_attest import MAKER, VERIFIER, WALLET, deployment

PASSWORD = "a word between us"


@dataclass
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs `berth …` with a data folder of its own, in this process: a start costs a second."""

    def __init__(self, home: Path, monkeypatch, capsys) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.env = {"BERTH_HOME": str(home), "BERTH_PASSWORD": PASSWORD}

    def __call__(self, *arguments: object, **env: str) -> Done:
        code: object = 0
        with self.monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("BERTH_")]:
                patch.delenv(name)
            for name, value in (self.env | env).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["berth", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO())
            self.capsys.readouterr()
            try:
                main()
            except SystemExit as stop:
                code = stop.code or 0
        said = self.capsys.readouterr()
        return Done(int(str(code)), said.out, said.err)


@pytest.fixture
def berth(home, monkeypatch, capsys) -> Shell:
    return Shell(home, monkeypatch, capsys)


@pytest.fixture
def parties(home):
    """A deployment with a verifier and a maker, and their keystores."""
    (home / "deployment.json").write_text(json.dumps(deployment_json(deployment())))
    for role, key in (("verifier", VERIFIER), ("maker", MAKER)):
        create_keystore(
            home / "keys" / f"{role}.json", PASSWORD, private_key=key, scrypt_n=LIGHT_SCRYPT_N
        )
    return deployment()


def test_the_installed_command_does_it_too(write, home):
    """Once as a process of its own, as people start it."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "berth.cli.main", "titles", "import"),
            *(str(write(*rows(1), "x")), "--format", "csv", "--city", "AUMEL"),
        ],
        env=os.environ | {"BERTH_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("edition 1 of AUMEL (AUMEL): 1 titles, 1 new, 0 dropped\n")


class TestImport:
    def test_all_good_is_exit_code_0_and_one_json_object(self, berth, write):
        done = berth(
            "titles",
            "import",
            write(*rows(1, 2)),
            "--format",
            "csv",
            "--city",
            "AUMEL",
            "--name",
            "Melbourne",
            "--json",
        )
        assert (done.returncode, done.stderr) == (0, "")
        answer = json.loads(done.stdout)
        assert (answer["city"], answer["edition"], answer["count"]) == ("AUMEL", 1, 2)
        assert (answer["unchanged"], answer["rejected"], answer["report"]) == (False, 0, None)

    def test_a_rejected_row_is_exit_code_3_and_the_others_are_in(self, berth, write, home):
        path = write(row(1), row(2, lat="91"))
        done = berth("titles", "import", path, "--format", "csv", "--city", "AUMEL")
        assert done.returncode == 3
        assert "1 of 2 rows rejected (coordinate.range 1)" in done.stdout
        assert (home / "titles" / "AUMEL-rejected.csv").read_text().splitlines()[1] == (
            "3,coordinate.range,lat,91.0 is not between -90 and 90"
        )
        listed = berth("titles", "list")
        assert listed.stdout == "AUMEL AUMEL: edition 1, 1 titles, not published\n"

    def test_the_same_file_again_says_unchanged(self, berth, write):
        for expected in ("2 new", "unchanged"):
            done = berth(
                "titles", "import", write(*rows(1, 2)), "--format", "csv", "--city", "AUMEL"
            )
            assert expected in done.stdout

    def test_a_wrong_encoding_is_exit_code_2_and_one_line(self, berth, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes((COLUMNS + "\n" + row(1, address="Königstr.")).encode("latin-1"))
        done = berth("titles", "import", path, "--format", "csv", "--city", "AUMEL")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: file: {path} is not UTF-8: line 2, ")
        assert done.stderr.count("\n") == 1

    def test_an_unknown_format_is_exit_code_2(self, berth, write):
        done = berth("titles", "import", write(*rows(1)), "--format", "xml")
        assert done.returncode == 2
        assert "melbourne-bays, taipei-titles, geojson, csv" in done.stderr

    def test_a_database_of_another_deployment_is_refused(self, berth, write, home, parties):
        from berth.store.engine import bind_deployment, open_store

        store = open_store(str(home / "berth.sqlite"))
        bind_deployment(store, parties)
        store.close()
        other = deployment_json(deployment(31337))
        (home / "deployment.json").write_text(json.dumps(other))
        done = berth("titles", "import", write(*rows(1)), "--format", "csv", "--city", "AUMEL")
        assert done.returncode != 0
        assert done.stderr.startswith("error: ")
        assert not (home / "titles").exists()


class TestPublish:
    def test_without_a_deployment_there_is_nowhere_to_publish(self, berth):
        done = berth("titles", "publish")
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no deployment file" in done.stderr

    def test_without_an_imported_city_there_is_nothing_to_publish(self, berth, parties):
        done = berth("titles", "publish")
        assert done.returncode == 2
        assert "no city has been imported" in done.stderr

    def test_without_a_key_it_says_how_to_make_one(self, berth, parties, write):
        berth("titles", "import", write(*rows(1)), "--format", "csv", "--city", "AUMEL")
        done = berth("titles", "publish")
        assert done.returncode == 2
        assert "berth keys new --role registry" in done.stderr

    def test_an_unreachable_node_is_one_line(self, berth, parties, write):
        berth("titles", "import", write(*rows(1)), "--format", "csv", "--city", "AUMEL")
        berth("keys", "new", "--role", "registry", "--light")
        done = berth("titles", "publish", BERTH_RPC_URL="http://127.0.0.1:1")
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "node unreachable at http://127.0.0.1:1" in done.stderr


class TestAttest:
    def test_an_owner_of_a_title(self, berth, parties, write):
        berth("titles", "import", write(*rows(1)), "--format", "csv", "--city", "AUMEL")
        done = berth(
            "attest",
            "owner",
            "--wallet",
            WALLET,
            "--title",
            "AUMEL/0",
            "--valid-until",
            "2099-12-31",
            "--json",
        )
        answer = json.loads(done.stdout)
        proof = answer["proof"]
        message = holder_attestation(
            parties.domain,
            WALLET,
            bytes.fromhex(answer["saltedHolder"][2:]),
            proof["validDay"],
            int(proof["nonce"]),
        )
        assert recover(message, proof["signature"]) == address_of(VERIFIER)
        assert (answer["title"], proof["verifier"], proof["validDay"]) == ("AUMEL/0", 5, 47481)

    def test_an_owner_by_the_salted_hash(self, berth, parties):
        hidden = "0x" + "07" * 32
        done = berth("attest", "owner", "--wallet", WALLET, "--salted-holder", hidden, "--json")
        proof = json.loads(done.stdout)["proof"]
        message = holder_attestation(
            parties.domain, WALLET, b"\7" * 32, proof["validDay"], int(proof["nonce"])
        )
        assert recover(message, proof["signature"]) == address_of(VERIFIER)

    def test_a_vehicle_into_a_file_that_only_its_owner_reads(self, berth, parties, tmp_path):
        out = tmp_path / "vehicle.json"
        done = berth(
            "attest",
            "vehicle",
            "--driver",
            WALLET,
            "--plate",
            "abc 123",
            "--size",
            "van",
            "--until",
            "2099-12-31",
            "--out",
            out,
            "--json",
        )
        assert done.returncode == 0
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        document = json.loads(out.read_text())
        proof, private = document["proof"], document["private"]
        hidden = bytes.fromhex(proof["plateCommitment"][2:])
        assert hidden == commitment(bytes.fromhex(private["salt"][2:]), "ABC123")
        assert (proof["size"], proof["untilSlot"]) == (4, 47482 * 96)
        message = vehicle_attestation(parties.domain, WALLET, hidden, 4, proof["untilSlot"])
        assert recover(message, proof["signature"]) == address_of(VERIFIER)
        assert "private" not in json.loads(done.stdout)
        again = berth(
            "attest", "vehicle", "--driver", WALLET, "--plate", "x1", "--size", "van", "--out", out
        )
        assert again.returncode == 2
        assert json.loads(out.read_text()) == document

    def test_a_device(self, berth, parties):
        lock = "0x" + "cc" * 20
        done = berth("attest", "device", "--lock", lock, "--valid-until", "2099-12-31")
        answer = json.loads(done.stdout)
        message = lock_attestation(parties.domain, lock, 47481)
        assert recover(message, answer["makerSignature"]) == address_of(MAKER)
        assert answer["maker"] == 9

    def test_a_wrong_password_is_refused(self, berth, parties):
        done = berth("attest", "device", "--lock", WALLET, BERTH_PASSWORD="wrong")
        assert (done.returncode, done.stdout) == (1, "")
        assert "wrong password" in done.stderr

    def test_the_makers_key_attests_no_owner_s_title_that_is_not_there(self, berth, parties, write):
        berth("titles", "import", write(*rows(1)), "--format", "csv", "--city", "AUMEL")
        done = berth("attest", "owner", "--wallet", WALLET, "--title", "AUMEL/7")
        assert done.returncode == 1
        assert "edition 1 of AUMEL has no title 7" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            (("owner", "--wallet", WALLET), "title"),
            (("owner", "--wallet", WALLET, "--title", "AUMEL"), "title"),
            (("owner", "--wallet", "0x12", "--salted-holder", "0x" + "07" * 32), "wallet"),
            (("owner", "--wallet", WALLET, "--salted-holder", "0x07"), "saltedHolder"),
            (("vehicle", "--driver", WALLET, "--plate", "ABC1", "--size", "huge"), "size"),
            (("vehicle", "--driver", WALLET, "--plate", "!", "--size", "van"), "plate"),
            (("device", "--lock", WALLET, "--valid-until", "2020-01-01"), "validUntil"),
            (("device", "--lock", WALLET, "--valid-until", "soon"), "validUntil"),
            (("device", "--lock", WALLET, "--valid-until", "2150-01-01"), "validUntil"),
        ],
    )
    def test_what_makes_no_sense_is_named(self, berth, parties, arguments, field):
        done = berth("attest", *arguments)
        assert done.returncode != 0
        assert done.stderr.startswith(f"error: {field}: ")


class TestKeys:
    def test_new_keys_open_with_their_password_only(self, berth, home):
        done = berth("keys", "new", "--role", "registry", "--role", "relay", "--light", "--json")
        registry, relay = json.loads(done.stdout)
        secret = load_keystore(registry["file"], PASSWORD)
        assert address_of(secret) == registry["address"].lower()
        assert load_keystore(relay["file"], PASSWORD) != secret
        for file in (registry["file"], relay["file"]):
            assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
        listed = berth("keys", "list", "--json")
        assert [one["role"] for one in json.loads(listed.stdout)] == ["registry", "relay"]

    def test_a_key_is_never_overwritten(self, berth, home):
        berth("keys", "new", "--role", "maker", "--light")
        before = (home / "keys" / "maker.json").read_bytes()
        done = berth("keys", "new", "--role", "verifier", "--role", "maker", "--light")
        assert done.returncode == 2
        assert "never overwritten" in done.stderr
        assert (home / "keys" / "maker.json").read_bytes() == before
        assert not (home / "keys" / "verifier.json").exists()

    def test_without_a_password_no_key_is_made(self, berth, home):
        del berth.env["BERTH_PASSWORD"]
        done = berth("keys", "new", "--role", "maker")
        assert done.returncode == 2
        assert "BERTH_PASSWORD" in done.stderr
        assert not (home / "keys" / "maker.json").exists()

    def test_an_unknown_role_is_refused_with_the_known_ones(self, berth):
        done = berth("keys", "new", "--role", "king")
        assert done.returncode == 2
        assert "registry, verifier, maker, guardian, relay" in done.stderr
