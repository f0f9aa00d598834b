import importlib
from pathlib import Path

import pytest

TOOLS = sorted(path.stem for path in (Path(__file__).parents[2] / "tools").glob("*.py"))


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_can_be_imported_and_explains_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tool = importlib.import_module(name)
    with pytest.raises(SystemExit) as end:
        tool.main(["--help"])
    assert not end.value.code
    assert "usage:" in capsys.readouterr().out
