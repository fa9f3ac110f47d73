"""Levels as tables, and results in notebooks."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import sizer
from conftest import REPOSITORY, SPEC
from sizer import _records, results
from sizer.grids import CaseLimit, WhatIf, WhatIfCase


def test_levels_are_a_sequence(measured: Path) -> None:
    levels = sizer.estimate("spec.yml").levels
    assert len(levels) == 5 and levels[-1].concurrency == 16
    assert [level.concurrency for level in reversed(levels)] == [16, 8, 4, 2, 1]
    assert isinstance(levels[1:3], sizer.Levels) and len(levels[1:3]) == 2
    assert levels[0] in levels and levels == levels[:] and repr(levels) == "<sizer.Levels 1, 2, 4, 8, 16>"


def test_levels_as_a_data_frame(measured: Path) -> None:
    levels = sizer.estimate("spec.yml").levels
    frame = levels.to_pandas()
    assert list(frame["concurrency"]) == [1, 2, 4, 8, 16] and frame["concurrency"].dtype == "int64"
    p95s = [level.workflow_runtime.p95 for level in levels if level.workflow_runtime]
    assert list(frame["workflow_runtime_p95"]) == p95s
    assert frame["over_target_workflow_runtime"].dtype == "Int64"
    assert frame["interrupted"].dtype == "bool"
    assert frame["server_runtime_p95"].isna().all(), "no server reports one here"
    assert frame["ttft_intervals_p50_low"].dtype == "float64"
    assert not {"failures", "notes", "in_flight"} & set(frame.columns)


def test_levels_as_an_arrow_table(measured: Path) -> None:
    levels = sizer.estimate("spec.yml").levels
    table = levels.to_arrow()
    columns = levels.to_columns()
    assert table.num_rows == 5 and table.column_names == list(columns)
    assert table.to_pydict() == columns
    assert str(table.schema.field("runs").type) == "int64"
    assert str(table.schema.field("goodput").type) == "double"
    assert str(table.schema.field("server_gone").type) == "string"


def test_the_packages_are_asked_for_by_name_where_they_are_missing(measured: Path) -> None:
    program = (
        "import sys; sys.modules['pandas'] = sys.modules['pyarrow'] = None\n"
        "import sizer; levels = sizer.estimate('spec.yml').levels\n"
        "for name in ('to_pandas', 'to_arrow'):\n"
        "    try: getattr(levels, name)()\n"
        "    except ImportError as error: print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [
        "Levels.to_pandas needs the package pandas: pip install pandas",
        "Levels.to_arrow needs the package pyarrow: pip install pyarrow",
    ]


def test_neither_package_is_imported_before_it_is_asked_for(measured: Path) -> None:
    program = (
        "import sys, sizer; sizer.estimate('spec.yml')._repr_html_()\n"
        "print(sorted({'pandas', 'pyarrow', 'numpy'} & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_a_result_in_a_notebook_is_escaped_and_needs_nothing_from_elsewhere(project: Path) -> None:
    spec = SPEC.replace("name: quick", 'name: "<script>alert(1)</script> & co"')
    result = sizer.run(spec)
    page = result._repr_html_()
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "http" not in page and "src=" not in page and "href" not in page
    assert f"<b>{result.gpus.recommended} GPUs</b>" in page or "No number of GPUs" in page
    for level in result.levels:
        assert f"<td>{level.concurrency}</td><td>{level.runs}</td>" in page
    assert result.levels._repr_html_() in page
    assert repr(result).startswith("<sizer.Result '<script>alert(1)</script> & co': 5 levels, ")


NAMES = {
    "Alternative": results.Alternative,
    "Asked": results.SearchGoal,
    "Before": results.PreviousFigures,
    "LevelResult": results.Level,
    "PerMetric": results.CountPerMetric,
    "PerMetric2": results.GpusPerMetric,
    "PerMetric3": results.FitPerMetric,
}
"""Records that have another name than in the schema, and some that have the same."""


def schema_fields(schema: "dict[str, object]") -> "set[str]":
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return set(properties)


def test_records_are_those_of_the_schema() -> None:
    schema = json.loads((REPOSITORY / "docs/result.schema.json").read_text())
    own = {"reports", "stages", "_text"}
    fields = {field.name for field in dataclasses.fields(results.Result)} - own
    assert fields == schema_fields(schema)
    for name, definition in schema["$defs"].items():
        if "properties" not in definition:
            continue
        record = NAMES.get(name) or getattr(results, name)
        assert {field.name for field in dataclasses.fields(record)} == schema_fields(definition), name
        for field, said in definition["properties"].items():
            hint = get_type_hints(record)[field]
            can_be_null = "null" in said.get("type", []) or {"type": "null"} in said.get("anyOf", [])
            is_optional = _records.optional(hint) is not hint
            assert is_optional == can_be_null, f"{name}.{field}"
            kind = said.get("type")
            kinds = {"integer": int, "number": float, "boolean": bool, "string": str}
            if isinstance(kind, str) and kind in kinds:
                assert hint is kinds[kind], f"{name}.{field}"


def test_a_document_gives_all_of_its_values(measured: Path) -> None:
    result = sizer.estimate("spec.yml")

    def plain(value: object) -> object:
        if isinstance(value, results.Levels):
            return [plain(level) for level in value]
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: plain(getattr(value, name)) for name in names}
        if isinstance(value, tuple):
            return [plain(it) for it in value]
        if isinstance(value, dict):
            return {str(name): plain(it) for name, it in value.items()}
        return value

    def assert_within(data: object, made: object, path: str) -> None:
        if isinstance(data, dict):
            assert isinstance(made, dict), path
            for name, value in data.items():
                assert_within(value, made[name], f"{path}.{name}")
        elif isinstance(data, list):
            assert isinstance(made, list) and len(made) == len(data), path
            for at, value in enumerate(data):
                assert_within(value, made[at], f"{path}.{at}")
        elif data is None:
            # An absent value, or a map without entries.
            assert not made, path
        else:
            assert made == data, path

    assert_within(result.to_dict(), plain(result), "")


def test_a_grid_gives_all_of_its_values() -> None:
    case = {
        "branch": None,
        "name": "a",
        "users": 3,
        "think_time": None,
        "request_rate": None,
        "limits": [{"target": "itl", "quantile": "p95", "seconds": 0.1}],
        "gpus": None,
        "decided_by": None,
        "cost_per_hour": None,
        "cheapest": False,
        "reason": "none",
    }
    grid = WhatIf.of(json.dumps({"schema_version": 1, "cases": [case]}))
    limit = CaseLimit("itl", "p95", 0.1, None)
    made = WhatIfCase(None, "a", 3, None, None, (limit,), None, None, None, None, None, False, False, "none")
    assert grid == WhatIf(1, (made,), ())
