"""docs/agents.md: its tables name what the server has."""

import re

from paths import ROOT

from automl.mcp.resources import TEMPLATES
from automl.mcp.tools import tools

PAGE = (ROOT / "docs/agents.md").read_text()


def test_the_page_can_be_run(reader):
    reader.read("docs/agents.md")


def test_every_tool_and_resource_is_on_the_page():
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(tools()) <= named
    places = {uri.partition("{")[0] for uri in TEMPLATES}
    assert all(place in PAGE for place in places)
