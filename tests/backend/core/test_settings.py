"""Settings from the environment, and the deployment file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from berth.core.deployment import (
    deployment_json,
    load_deployment,
    parse_deployment,
    save_deployment,
)
from berth.core.errors import BerthError
from berth.core.settings import load_settings


def test_the_defaults_work_on_one_machine():
    settings = load_settings({})
    assert settings.home == Path(".berth").absolute()
    assert settings.deployment == settings.home / "deployment.json"
    assert settings.database_url == f"sqlite:///{settings.home}/berth.sqlite"
    assert settings.rpc_url == "http://127.0.0.1:8545"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.data == Path("../shared/data").absolute()
    assert (settings.tiles_url, settings.confirmations, settings.password_file) == (None,) * 3
    assert (settings.rpc_urls, settings.rpc_named) == (("http://127.0.0.1:8545",), False)
    assert (settings.ws_url, settings.mqtt_url, settings.signer_rpc_urls) == (None, None, ())
    assert settings.signer_url == f"unix:{settings.home}/signer.sock"
    files = (settings.mqtt_password_file, settings.mqtt_ca_file, settings.signer_secret_file)
    assert files == (None,) * 3
    assert (settings.finality, settings.spend_cap) == (64, 10**18)
    assert (settings.max_fee_gwei, settings.max_fee) == (None, None)
    assert (settings.log_level, settings.log_format) == ("info", "text")
    assert settings.operator_token_file == settings.keys / "operator.token"
    assert settings.keys == settings.home / "keys"
    assert settings.chain == settings.home / "chain"
    assert settings.titles == settings.home / "titles"


def test_every_variable_is_heard(tmp_path):
    settings = load_settings(
        {
            "BERTH_HOME": str(tmp_path),
            "BERTH_DATA": "/data",
            "BERTH_DEPLOYMENT": "/etc/berth.json",
            "BERTH_RPC_URL": "https://node.example/rpc, http://second:8545",
            "BERTH_WS_URL": "wss://node.example/ws",
            "BERTH_SIGNER_URL": "https://signer.example:8443/",
            "BERTH_SIGNER_SECRET_FILE": "/run/signer.secret",
            "BERTH_SIGNER_RPC_URL": "http://own:8545,http://other:8545",
            "BERTH_MQTT_URL": "mqtts://broker.example:8883",
            "BERTH_MQTT_PASSWORD_FILE": "/run/mqtt",
            "BERTH_MQTT_CA_FILE": "/etc/ca.pem",
            "BERTH_SPEND_CAP": "5000000000000000",
            "BERTH_FINALITY": "12",
            "BERTH_MAX_FEE_GWEI": "80",
            "BERTH_READY_BLOCKS": "3",
            "BERTH_READY_SECONDS": "0",
            "BERTH_OPERATOR_TOKEN_FILE": "/run/operator",
            "BERTH_LOG_FORMAT": "json",
            "BERTH_DATABASE_URL": "postgresql://berth@db/berth",
            "BERTH_HTTP_HOST": "::1",
            "BERTH_HTTP_PORT": "0",
            "BERTH_PUBLIC_URL": "https://berth.example/",
            "BERTH_TILES_URL": "https://tiles.example/{z}/{x}/{y}.png",
            "BERTH_TILES_ATTRIBUTION": "© The Map Makers",
            "BERTH_CONFIRMATIONS": "7",
            "BERTH_PASSWORD_FILE": "/run/password",
            "BERTH_LOG_LEVEL": "DEBUG",
        }
    )
    assert settings.home == tmp_path
    assert settings.data == Path("/data")
    assert settings.deployment == Path("/etc/berth.json")
    assert settings.rpc_url == "https://node.example/rpc"
    assert settings.rpc_urls == ("https://node.example/rpc", "http://second:8545")
    assert settings.rpc_named
    assert settings.ws_url == "wss://node.example/ws"
    assert settings.signer_url == "https://signer.example:8443"
    assert settings.signer_secret_file == Path("/run/signer.secret")
    assert settings.signer_rpc_urls == ("http://own:8545", "http://other:8545")
    assert settings.mqtt_url == "mqtts://broker.example:8883"
    assert settings.mqtt_password_file == Path("/run/mqtt")
    assert settings.mqtt_ca_file == Path("/etc/ca.pem")
    assert (settings.spend_cap, settings.finality) == (5 * 10**15, 12)
    assert (settings.ready_blocks, settings.ready_seconds) == (3, 0)
    assert (settings.max_fee_gwei, settings.max_fee) == (80, 80 * 10**9)
    assert settings.operator_token_file == Path("/run/operator")
    assert settings.log_format == "json"
    assert settings.database_url == "postgresql://berth@db/berth"
    assert (settings.http_host, settings.http_port) == ("::1", 0)
    assert settings.public_url == "https://berth.example"
    assert settings.tiles_url == "https://tiles.example/{z}/{x}/{y}.png"
    assert settings.tiles_attribution == "© The Map Makers"
    assert settings.confirmations == 7
    assert settings.password_file == Path("/run/password")
    assert settings.log_level == "debug"


def test_an_address_of_version_six_gets_its_brackets():
    assert load_settings({"BERTH_HTTP_HOST": "::1"}).public_url == "http://[::1]:8000"


def test_an_empty_variable_is_an_unset_one():
    names = ("HOME", "RPC_URL", "HTTP_PORT", "CONFIRMATIONS", "DATABASE_URL", "PASSWORD_FILE")
    names += ("WS_URL", "SIGNER_URL", "SIGNER_RPC_URL", "SIGNER_SECRET_FILE", "LOG_FORMAT")
    names += ("MQTT_URL", "MQTT_PASSWORD_FILE", "MQTT_CA_FILE", "SPEND_CAP", "FINALITY")
    names += ("OPERATOR_TOKEN_FILE",)
    assert load_settings({f"BERTH_{name}": "" for name in names}) == load_settings({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BERTH_RPC_URL", "localhost:8545"),
        ("BERTH_RPC_URL", "ftp://node"),
        ("BERTH_RPC_URL", "http://"),
        ("BERTH_RPC_URL", "http://node:99999"),
        ("BERTH_RPC_URL", "http://[::1"),
        ("BERTH_RPC_URL", "http://one,ftp://two"),
        ("BERTH_RPC_URL", "http://one,,http://two"),
        ("BERTH_RPC_URL", "http://one,http://one"),
        ("BERTH_WS_URL", "http://node"),
        ("BERTH_SIGNER_RPC_URL", "node:8545"),
        ("BERTH_SIGNER_URL", "unix:signer.sock"),
        ("BERTH_SIGNER_URL", "tcp://signer:1"),
        ("BERTH_SIGNER_URL", "unix:/a\0b"),
        ("BERTH_MQTT_URL", "tcp://broker"),
        ("BERTH_MQTT_URL", "mqtt://backend:secret@broker"),
        ("BERTH_MQTT_CA_FILE", "a\0b"),
        ("BERTH_SPEND_CAP", "0"),
        ("BERTH_SPEND_CAP", "1e18"),
        ("BERTH_FINALITY", "0"),
        ("BERTH_MAX_FEE_GWEI", "0"),
        ("BERTH_READY_BLOCKS", "few"),
        ("BERTH_READY_SECONDS", "-1"),
        ("BERTH_LOG_FORMAT", "xml"),
        ("BERTH_DATABASE_URL", "mysql://db"),
        ("BERTH_DATABASE_URL", "berth.sqlite"),
        ("BERTH_TILES_URL", "ftp://tiles"),
        ("BERTH_RPC_URL", "wss://node"),
        ("BERTH_HTTP_PORT", "eighty"),
        ("BERTH_HTTP_PORT", "65536"),
        ("BERTH_HTTP_PORT", "-1"),
        ("BERTH_HTTP_PORT", "²"),
        ("BERTH_CONFIRMATIONS", "0"),
        ("BERTH_CONFIRMATIONS", "many"),
        ("BERTH_PUBLIC_URL", "berth.example"),
        ("BERTH_LOG_LEVEL", "loud"),
        ("BERTH_HOME", "a\0b"),
    ],
)
def test_a_bad_variable_is_named(variable, value):
    with pytest.raises(BerthError) as refused:
        load_settings({variable: value})
    assert (refused.value.field, refused.value.exit_code) == (variable, 2)


def test_no_key_in_an_address_is_repeated():
    with pytest.raises(BerthError) as refused:
        load_settings({"BERTH_RPC_URL": "http://good,htp://node.example/v3/sesame"})
    assert "sesame" not in str(refused.value)
    assert "address 2" in str(refused.value)


# ---- the deployment file


def address(number):
    return f"0x{number:040x}"


SOUND = {
    "chainId": 1337,
    "genesisHash": "0x" + "AB" * 32,
    "block": 9,
    "titles": address(1),
    "market": address(2),
    "forwarder": address(3),
    "timelock": address(4),
    "asset": address(5),
    "assetSymbol": "tEUR",
    "assetDecimals": 6,
    "feeBps": 250,
    "attesters": {"1": address(6), "127": address(7)},
}


def test_a_deployment_is_read_as_it_was_written(tmp_path):
    deployment = parse_deployment(SOUND)
    save_deployment(deployment, tmp_path / "new" / "deployment.json")
    assert load_deployment(tmp_path / "new" / "deployment.json") == deployment
    assert deployment.attesters == {1: address(6), 127: address(7)}
    assert deployment.genesis_hash == "0x" + "ab" * 32
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["deployment.json"]


def test_a_deployment_knows_its_domain_and_currency():
    deployment = parse_deployment(SOUND)
    assert (deployment.domain.chain_id, deployment.domain.market) == (1337, address(2))
    assert deployment.currency.label(1_500_000) == "1.50 tEUR"


@pytest.mark.parametrize("name", ["lens", "extension"])
def test_a_lens_and_an_extension_are_read_and_written_where_there_is_one(name):
    assert getattr(parse_deployment(SOUND), name) is None
    assert name not in deployment_json(parse_deployment(SOUND))
    deployment = parse_deployment({**SOUND, name: address(8)})
    assert getattr(deployment, name) == address(8)
    assert parse_deployment(deployment_json(deployment)) == deployment


def test_addresses_are_written_with_their_checksum():
    market = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    deployment = replace(parse_deployment(SOUND), market=market.lower())
    assert deployment_json(deployment)["market"] == market


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chainId": 0}, "chainId"),
        ({"chainId": "1337"}, "chainId"),
        ({"genesisHash": "0x12"}, "genesisHash"),
        ({"block": -1}, "block"),
        ({"titles": "0x12"}, "titles"),
        ({"market": address(0)}, "market"),
        ({"market": address(1)}, "market"),
        ({"asset": None}, "asset"),
        ({"assetSymbol": ""}, "assetSymbol"),
        ({"assetDecimals": 37}, "assetDecimals"),
        ({"feeBps": 1001}, "feeBps"),
        ({"attesters": []}, "attesters"),
        ({"attesters": {"0": address(6)}}, "attesters.0"),
        ({"attesters": {"128": address(6)}}, "attesters.128"),
        ({"attesters": {"x": address(6)}}, "attesters.x"),
        ({"attesters": {"1": address(0)}}, "attesters.1"),
        ({"lens": None}, "lens"),
        ({"lens": address(0)}, "lens"),
        ({"lens": address(2)}, "market"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_member_is_named(change, field):
    with pytest.raises(BerthError) as refused:
        parse_deployment({**SOUND, **change})
    assert refused.value.field == field


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_missing_member_is_named(name):
    with pytest.raises(BerthError) as refused:
        parse_deployment({key: value for key, value in SOUND.items() if key != name})
    assert (refused.value.code, refused.value.field) == ("deployment.missing", name)


def test_a_file_that_is_not_there_or_no_json_is_said(tmp_path):
    with pytest.raises(BerthError) as refused:
        load_deployment(tmp_path / "none.json")
    assert (refused.value.code, refused.value.exit_code) == ("deployment.absent", 2)
    (tmp_path / "d.json").write_text("{")
    with pytest.raises(BerthError, match="is not JSON"):
        load_deployment(tmp_path / "d.json")
    (tmp_path / "d.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BerthError, match="cannot read"):
        load_deployment(tmp_path / "d.json")
    (tmp_path / "d.json").write_text(json.dumps([SOUND]))
    with pytest.raises(BerthError, match="must be a JSON object"):
        load_deployment(tmp_path / "d.json")
