"""Examples for those who run the portal: they name what is there."""

import re
from pathlib import Path

from portal.observability import registry

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_alerts_watch_metrics_that_the_portal_has_and_say_what_to_do() -> None:
    text = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
    rules = re.findall(r"- alert: (\w+)\n +expr: (.+)", text)
    metrics = {family.name for family in registry.collect()}
    for alert, expression in rules:
        named = set(re.findall(r"portal_\w+", expression))
        assert named, alert
        assert named <= metrics, alert
    assert len(rules) == text.count("- alert:") == text.count(" do: ") == text.count(" summary: ")
