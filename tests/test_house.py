"""The house as it is drawn: who may import whom, where TensorFlow may be, what a notebook looks like."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pneumo_utils import fingerprint
from pneumo_utils.pipeline import Pipeline
from pneumo_utils.study import load

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "pneumo_utils"
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))

# Every room and the rooms it may import. A new room is added here in the commit that builds it.
MAP: dict[str, set[str]] = {
    "atomic": set(),
    "names": set(),
    "columns": {"names"},
    "contracts_evaluation": {"columns", "names"},
    "contracts_explanation": {"columns", "names"},
    "contracts": {"columns", "contracts_evaluation", "contracts_explanation", "names"},
    "tables": {"atomic", "contracts"},
    "sections": set(),
    "study": {"sections"},
    "filenames": set(),
    "layout": {"names"},
    "augmentation": {"lungs"},
    "activations": set(),
    "images": set(),
    "acquisition": set(),
    "references": set(),
    "separation": {"delong", "intervals"},
    "audit": {"names", "references", "separation", "splits"},
    "verdict": {"audit", "metrics"},
    "weighted": set(),
    "delong": {"weighted"},
    "metrics": {"weighted"},
    "intervals": {"delong", "weighted"},
    "seeds": {"intervals", "weighted"},
    "comparisons": {"delong", "intervals", "metrics", "weighted"},
    "display": set(),
    "page_body": set(),
    "provenance": set(),
    "fingerprint": set(),
    "execution": set(),
    "splits": {"filenames"},
    "phantom_body": set(),
    "phantom": {"phantom_body"},
    "phantom_folder": {"framing", "phantom"},
    "downloads": {"layout"},
    "medmnist": {"downloads", "layout"},
    "sources": {"downloads", "layout", "medmnist", "phantom_folder"},
    "manifest": {"acquisition", "contracts", "filenames", "images", "layout", "names", "tables"},
    "store": {"atomic", "contracts", "ensemble", "names", "tables"},
    "thresholds": {"weighted"},
    "calibration": {"thresholds", "weighted"},
    "shift": {"metrics", "thresholds"},
    "ensemble": {"names"},
    "agreement": {"intervals", "outcomes", "weighted"},
    "reliability": {"intervals", "weighted"},
    "clinic": {"intervals", "metrics", "names", "reliability", "thresholds", "weighted"},
    "referral": {"intervals", "metrics", "reliability", "thresholds", "weighted"},
    "figures_evaluation": {"figures"},
    "outcomes": {"intervals", "metrics", "names"},
    "means": {"intervals", "metrics", "names"},
    "heat": set(),
    "localisation": {"heat", "means", "names"},
    "plausibility": {"localisation", "lungs", "means", "names", "outcomes"},
    "stability": {"means", "names"},
    "faithfulness": {"means"},
    "sanity": {"intervals", "means", "names", "stability"},
    "figures_explanation": {"figures"},
    "figures": {"framing", "metrics", "names"},
    "pages": {"atomic", "display", "page_body"},
    "weights": {"backend"},
    "intensity": set(),
    "lungs": {"fingerprint"},
    "stress": {"lungs"},
    "figures_robustness": {"figures", "stress"},
    "leakage": {"metrics", "separation", "splits", "thresholds"},
    "hardening": {"framing", "images", "stress"},
    "robustness": {"intervals", "metrics", "names", "outcomes", "separation", "stress", "weighted"},
    "framing": {"images", "intensity", "lungs"},
    # TensorFlow
    "backend": set(),
    "models": {"backend"},
    "precision": {"backend"},
    "folding": {"backend"},
    "features": {"activations", "augmentation", "backend", "folding"},
    "fitting": {"backend", "features"},
    "training": {"augmentation", "backend", "features", "fitting", "models"},
    "lungs_training": {"augmentation", "backend", "lungs", "phantom"},
    "gradcam": {"activations", "augmentation", "backend", "features", "folding", "heat", "models"},
    "twin": {"augmentation", "fitting", "replicates"},
    "replicates": {"augmentation", "backend", "features", "fitting", "models", "training"},
    "runs": {"atomic", "fingerprint", "models", "provenance", "replicates", "store", "training", "weights"},
    "explanations": {
        "atomic",
        "faithfulness",
        "fingerprint",
        "gradcam",
        "heat",
        "models",
        "plausibility",
        "provenance",
        "sanity",
        "store",
    },
    # top
    "steps": {"contracts", "names", "store"},
    "notices": {"names", "store", "study"},
    "front_page": {"metrics", "names", "pages", "provenance", "steps", "store", "study"},
    "pipeline": {
        "atomic",
        "execution",
        "fingerprint",
        "front_page",
        "notices",
        "pages",
        "provenance",
        "sources",
        "steps",
        "store",
        "study",
        "weights",
    },
    "__main__": {"pipeline", "study"},
}
TENSORFLOW = {"backend", "models", "precision", "features", "fitting", "training", "gradcam", "replicates", "runs"}
TENSORFLOW |= {"folding", "lungs_training", "twin"}


def rooms() -> list[Path]:
    return [path for path in sorted(PACKAGE.glob("*.py")) if path.stem != "__init__"]


def test_every_room_stands_on_the_map_and_imports_only_what_the_map_allows():
    found = {path.stem: fingerprint.imports(path.read_text(encoding="utf-8")) for path in rooms()}
    assert set(found) == set(MAP)
    assert {room: names - MAP[room] for room, names in found.items() if names - MAP[room]} == {}
    assert {room: MAP[room] - names for room, names in found.items() if MAP[room] - names} == {}, "allowed, not used"


def test_the_map_has_no_circle():
    settled: set[str] = set()
    while len(settled) < len(MAP):
        free = {room for room, needs in MAP.items() if needs <= settled} - settled
        assert free, f"a circle among {sorted(set(MAP) - settled)}"
        settled |= free


def test_only_the_door_to_tensorflow_imports_it():
    for path in rooms():
        names = re.findall(r"^\s*(?:from|import) (tensorflow|keras)\b", path.read_text(encoding="utf-8"), re.M)
        assert not names or path.stem == "backend", path.name


def loaded(room: str) -> bool:
    check = f"import sys, pneumo_utils.{room}; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def test_tables_metrics_pages_and_pipeline_load_without_tensorflow():
    ground = ", ".join(f"pneumo_utils.{room}" for room in sorted(set(MAP) - TENSORFLOW - {"__main__"}))
    check = f"import sys, {ground}; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.slow
def test_the_check_for_tensorflow_can_fail():
    assert loaded("models")


def test_no_room_prints_but_the_command_line():
    for path in rooms():
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        printed = any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)
        assert not printed or path.stem == "__main__", path.name


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_says_or_tabulates_is_the_last_value_of_its_cell_or_it_would_not_be_seen(notebook):
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            body = ast.parse("".join(cell["source"])).body
            shown = body.pop() if isinstance(body[-1], ast.Expr) else None
            hidden = [ast.unparse(call.func) for part in body for call in ast.walk(part) if isinstance(call, ast.Call)]
            assert not {"say", "table"} & set(hidden), (shown, "".join(cell["source"])[:200])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_prose_with_small_cells_and_stored_without_outputs(notebook):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = content["cells"]
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith(f"# {notebook.stem[:2]} ")
    assert all(word in "".join(cells[0]["source"]) for word in ("**Reads**", "**Writes**", "takes"))
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    for before, cell in zip(cells, cells[1:], strict=False):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        tagged = "parameters" in cell["metadata"].get("tags", [])
        assert cell["outputs"] == [] and cell["execution_count"] is None
        assert before["cell_type"] == "markdown", f"no sentence above: {source}"
        assert not re.search(r"^\s*(def|class) ", source, re.M), f"belongs in a room: {source}"
        assert tagged or len(source.splitlines()) <= 15, source


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_only_in_its_setup_and_ends_with_findings_limits_and_record(notebook):
    code = [source for kind, source, _ in fingerprint.cells(notebook) if kind == "code"]
    assert all("import " not in source for source in code[1:])
    text = "\n".join(source for kind, source, _ in fingerprint.cells(notebook) if kind == "markdown")
    places = [text.index(f"## {name}") for name in ("Setup", "Findings", "Limits", "Record")]
    assert places == sorted(places)


def test_the_defaults_of_every_notebook_are_those_of_the_demo():
    line = Pipeline("demo", load("demo", PROJECT / "params"), PROJECT, PROJECT / "reports")
    for step in line.steps:
        declared = fingerprint.parameters(PROJECT / "notebooks" / f"{step.notebook}.ipynb")
        given = line.parameters(step)
        assert declared | step.own == given, step.page


@pytest.mark.parametrize("name", ["demo", "candidates/lungs-160"])
def test_a_notebook_finds_the_run_directory_of_its_study_wherever_its_parameter_file_lies(name):
    line = Pipeline(name, load(name, PROJECT / "params"), PROJECT, PROJECT / "reports")
    given = line.parameters(line.steps[0])
    seen = PROJECT / "notebooks" / given["reports"] / given["study"]
    assert seen.resolve() == line.store.folder.resolve() == PROJECT / "reports" / name


def test_the_conda_environment_stands_on_the_same_lock():
    listed = YAML(typ="safe").load((PROJECT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert listed[-1] == {"pip": ["-r requirements.txt"]}
    assert listed[0] == "python >=3.11,<3.14"
    assert 'requires-python = ">=3.11,<3.14"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-gpu.txt"])
def test_the_lock_pins_everything_that_the_project_asks_for_with_hashes(lock):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    asked += project["project"]["optional-dependencies"]["gpu" if "gpu" in lock else "cpu"]
    text = (PROJECT / lock).read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==", text, re.M))
    assert {re.split(r"[\[=<>; ]", name)[0].replace(".", "-") for name in asked} <= pinned
    entries = re.findall(r"^[a-z0-9._-]+==.*(?:\n    .*)*", text, re.M)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_holds_one_opencv_and_no_torch():
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"^(opencv[a-z-]*|torch)==", text, re.M) == ["opencv-python-headless"]


def test_every_make_target_documents_itself():
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split())
    documented = set(re.findall(r"^([a-z]+):.*## ", text, re.M))
    assert phony == documented
    assert {"help", "lab", "test", "lint", "report", "clean", "data"} <= phony
