"""Counters of a process, and the little server that shows them."""

from __future__ import annotations

import re
import socket
import urllib.request

import pytest
from berth.cli.metrics_port import metrics_server
from berth.core import telemetry
from berth.core.errors import BerthError
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families


def value(name: str, **labels: str) -> float:
    return telemetry.REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_request_that_was_answered_counts_with_its_time() -> None:
    before = value("berth_rpc_seconds_count", node="http://n:1", method="eth_call")
    telemetry.rpc("http://n:1", "eth_call", 0.01)
    assert value("berth_rpc_seconds_count", node="http://n:1", method="eth_call") == before + 1
    assert value("berth_rpc_requests_total", node="http://n:1", method="eth_call") >= 1


def test_a_request_that_failed_counts_by_kind_and_has_no_latency() -> None:
    labels = {"node": "http://n:2", "method": "eth_call"}
    telemetry.rpc("http://n:2", "eth_call", 10.0, "timeout")
    assert value("berth_rpc_errors_total", **labels, kind="timeout") == 1
    assert value("berth_rpc_requests_total", **labels) == 1
    assert value("berth_rpc_seconds_count", **labels) == 0


def test_names_follow_the_conventions_of_prometheus() -> None:
    text = generate_latest(telemetry.REGISTRY).decode()
    families = [f for f in text_string_to_metric_families(text) if f.name.startswith("berth_")]
    assert len(families) > 8
    for family in families:
        assert re.fullmatch(r"berth_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_blocks", "_bytes")), "a histogram has a unit"


def test_the_server_shows_what_was_counted_and_ends_with_the_block() -> None:
    telemetry.INDEX_EVENTS.inc(3)
    with metrics_server(0) as port:
        assert port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"berth_index_events_total" in answer.read()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), 1):
        pass


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BerthError) as caught, metrics_server(port):
            pass
    assert caught.value.code == "metrics.port"
    assert str(port) in str(caught.value)


def test_without_a_port_nothing_is_served() -> None:
    with metrics_server(None) as port:
        assert port is None
