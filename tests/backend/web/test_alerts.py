"""The example alert rules speak of metrics that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.backend.web.people import Api

FILE = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "alerts.yml"
_METRIC = re.compile(r"\b(?:berth|process)_[a-z_]+\b")
_LABEL = re.compile(r"(\b(?:berth)_[a-z_]+)\{([^}]*)\}")


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(FILE.read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def names_told(text: str) -> set[str]:
    """Sample names that a scrape can have; of families without a sample yet, all they may get."""
    names: set[str] = set()
    for family in text_string_to_metric_families(text):
        names |= {sample.name for sample in family.samples}
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_is_whole_and_names_only_metrics_that_exist(api: Api, rule: dict[str, Any]) -> None:
    known = names_told(api.client.get("/metrics").text)
    used = set(_METRIC.findall(rule["expr"]))
    assert used <= known, used - known
    assert used or rule["expr"].startswith("up{")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["do"]
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_no_alert_is_there_twice() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 15
