"""The house as it is drawn: small rooms in wings, where TensorFlow may be, what a notebook looks like."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pneumo_utils.pipeline import notebook_source
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.records.run_directory import WRITERS
from pneumo_utils.study import steps
from pneumo_utils.study.definition import load

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "pneumo_utils"
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))

DOOR = {"pneumo_utils.networks", "pneumo_utils.explanation"}  # wings in which TensorFlow may be loaded


def rooms() -> list[str]:
    """Dotted names of all modules but the command line."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = (".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in paths if path.stem != "__main__")
    return [name.removesuffix(".__init__") for name in names]


def own_modules(tree: ast.Module) -> dict[str, Path]:
    """File of each of the project's modules that a source imports, by the name it has there."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            folder = PROJECT.joinpath(*node.module.split("."))
            found |= {one.asname or one.name: folder / f"{one.name}.py" for one in node.names}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    hidden = stored | {
        node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)
    }  # may mean something else there
    return {name: file for name, file in found.items() if file.is_file() and name not in hidden}


def names_of(module: Path) -> set[str]:
    """What a module defines or imports at its top, conditions included."""
    tree, found = ast.parse(module.read_text(encoding="utf-8")), set()
    inside = {
        one for part in ast.walk(tree) if isinstance(part, ast.FunctionDef | ast.ClassDef) for one in ast.walk(part)
    }
    for node in set(ast.walk(tree)) - (inside - set(tree.body)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {one.asname or one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_what_is_asked_of_another_room_is_there():
    scripts = [*PACKAGE.rglob("*.py"), *(PROJECT / "benchmarks").glob("*.py"), *(PROJECT / "tests").rglob("*.py")]
    sources = {path: path.read_text(encoding="utf-8") for path in scripts}
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources[path] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    known, missing = {}, []
    for path, text in sources.items():
        tree = ast.parse(text)
        rooms_here = own_modules(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in rooms_here:
                room = rooms_here[node.value.id]
                known[room] = known.get(room) or names_of(room)
                if node.attr not in known[room] and not node.attr.startswith("__"):
                    missing.append(f"{path.relative_to(PROJECT)}:{node.lineno} {node.value.id}.{node.attr}")
    assert missing == []


def test_the_floor_holds_wings_and_few_files():
    here = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert {path.name for path in here if path.is_file()} == {"__init__.py", "__main__.py"}
    assert all((path / "__init__.py").is_file() for path in here if path.is_dir())


def test_a_wing_says_what_enters_and_what_leaves_and_does_nothing_else():
    for path in PACKAGE.rglob("*/__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1 and all(word in body[0].value.value for word in ("Enters:", "Leaves:")), path


def test_no_room_is_larger_than_one_purpose_needs():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 260, path
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        assert {node.name for node in functions if node.end_lineno - node.lineno >= 45} == set(), path


def loaded(*names: str) -> list[str]:
    """Which of TensorFlow and Keras are there once the modules `names` have been imported."""
    check = f"import sys, {', '.join(names)}; print(*({{'tensorflow', 'keras'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_tables_metrics_pages_and_pipeline_load_without_tensorflow():
    assert loaded(*(name for name in rooms() if ".".join(name.split(".")[:2]) not in DOOR)) == []


@pytest.mark.long
@pytest.mark.slow
def test_the_check_for_tensorflow_can_fail():
    assert sorted(loaded("pneumo_utils.networks.models")) == ["keras", "tensorflow"]


@pytest.mark.slow
def test_the_wheel_holds_every_room_the_templates_and_the_weights_of_the_lungs(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(PACKAGE, source / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    held = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    wanted = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(PROJECT).as_posix() for path in wanted} <= held


def test_no_room_prints_but_the_command_line():
    for path in PACKAGE.rglob("*.py"):
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
    code = [source for kind, source, _ in notebook_source.cells(notebook) if kind == "code"]
    assert all("import " not in source for source in code[1:])
    text = "\n".join(source for kind, source, _ in notebook_source.cells(notebook) if kind == "markdown")
    places = [text.index(f"## {name}") for name in ("Setup", "Findings", "Limits", "Record")]
    assert places == sorted(places)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_its_study_so_that_exploring_changes_no_finished_one(notebook):
    code = notebook_source.code(notebook)
    assert code.count("store = open_store(study, reports)") == 1 and "Store(" not in code


def test_the_defaults_of_every_notebook_are_those_of_the_demo():
    pipeline = Pipeline("demo", load("demo", PROJECT / "params"), PROJECT, PROJECT / "reports")
    for step in pipeline.steps:
        declared = notebook_source.parameters(PROJECT / "notebooks" / f"{step.notebook}.ipynb")
        given = pipeline.parameters(step)
        assert declared | step.own == given, step.page


@pytest.mark.parametrize("name", ["demo", "candidates/wide-160"])
def test_a_notebook_finds_the_run_directory_of_its_study_wherever_its_parameter_file_lies(name):
    pipeline = Pipeline(name, load(name, PROJECT / "params"), PROJECT, PROJECT / "reports")
    given = pipeline.parameters(pipeline.steps[0])
    seen = PROJECT / "notebooks" / given["reports"] / given["study"]
    assert seen.resolve() == pipeline.store.folder.resolve() == PROJECT / "reports" / name


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


def test_every_package_that_is_imported_is_declared():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    asked += sum(project["project"]["optional-dependencies"].values(), [])
    declared = {normalized(re.split(r"[\[=<>; ]", name)[0]) for name in asked}
    files = [path for place in ("pneumo_utils", "tests", "benchmarks") for path in (PROJECT / place).rglob("*.py")]
    own = {"pneumo_utils", "support", *(path.stem for path in (PROJECT / "benchmarks").glob("*.py"))}
    given_by = metadata.packages_distributions()
    missing = {
        name: given_by.get(name, ["nothing"])
        for name in set().union(*map(imported, files)) - own - set(sys.stdlib_module_names)
        if not declared & set(map(normalized, given_by.get(name, [])))
    }
    assert missing == {}


def normalized(name: str) -> str:
    """A distribution's name as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_a_notebook_says_which_tables_it_reads_and_writes_as_the_list_of_steps_does():
    for step in steps.of_study(["cnn"], [0], "cnn"):
        cells = json.loads((PROJECT / "notebooks" / f"{step.notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        read, written = "".join(cells[0]["source"]).split("**Writes**")
        told = [set(re.findall(r"`(\w+)\.csv`", part)) for part in (read, written)]
        of_networks = {"history", "predictions", "models", "varied_predictions", "perturbed_predictions"}
        assert told[0] == set(step.tables_read), step.page
        assert told[1] == set(step.tables_written) | (of_networks if step.own else set()), step.page


def test_who_writes_a_table_is_known_where_it_is_missing():
    for step in steps.of_study(["cnn"], [0], "cnn"):
        assert {WRITERS[name] for name in step.tables_written} <= {step.notebook}


def test_the_lock_holds_one_opencv_and_no_torch():
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"^(opencv[a-z-]*|torch)==", text, re.M) == ["opencv-python-headless"]


LOCKS = ("requirements.txt", "requirements-gpu.txt", "requirements-uv.txt")


@pytest.fixture
def make(tmp_path):
    """Call `make` on the project's Makefile in another folder, where Python writes down its arguments."""
    if shutil.which("make") is None:
        pytest.skip("no make")
    (tmp_path / "Makefile").write_text(f"show: ; @env\ninclude {PROJECT / 'Makefile'}\n", encoding="utf-8")
    for name in (*LOCKS, "pyproject.toml", ".venv/bin/python", ".venv/.ready"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    # Under `make test DATA=…`, the flags and variables of that make would join in.
    outside = {"PATH": os.environ["PATH"]}

    def call(*words, **given):
        done = subprocess.run(
            ["make", *words], cwd=tmp_path, env=outside | given, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    return call


def test_packages_are_compiled_once_and_not_by_every_process_of_make_anew(make):
    shown = make("show", PYTHONDONTWRITEBYTECODE="1")
    assert any(line.startswith("PATH=") for line in shown)
    assert not any("PYTHONDONTWRITEBYTECODE" in line for line in shown)


@pytest.mark.parametrize(
    "odd", ["my data", 'a "q" b', "it's", "-x", "$(touch there)", "a$b $$c", "`touch there`", "a;touch there"]
)
def test_what_is_given_to_make_reaches_the_program_as_it_is(make, odd, tmp_path):
    assert make("report", f"DATA={odd}")[-1] == f"--data={odd}"
    assert make("report", DATA=odd)[-1] == f"--data={odd}", "from the environment, too"
    assert make("plan", f"STUDY={odd}")[-1] == odd
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ("report", "JOB"),
        ("report", "STUDIES"),
        ("reports", "JOB"),
        ("reports", "STUDY"),
        ("plan", "SCHEDULER"),
        ("plan", "THREADS"),
        ("work", "STUDIES"),
        ("compare", "STUDY"),
        ("pdf", "JOB"),
        ("data", "THREADS"),
        ("clean", "STUDY"),
        ("clean", "DATA"),
        ("pdf", "DATA"),
        ("serve", "WEIGHTS"),
        ("export", "DATA"),
        ("compare", "WEIGHTS"),
        ("data", "WEIGHTS"),
        ("parameters", "STUDY"),
        ("report", "STUDDY"),
        ("report", "study"),
        ("report", "A"),
        ("test", "STUDY"),
        ("lab", "STUDY"),
        ("picture", "DATA"),
    ],
)
def test_a_variable_that_a_target_does_nothing_with_is_refused(make, target, given):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        make(target, f"{given}=1/2")
    assert failed.value.stderr.startswith(f"error: {given} must be left out of make {target}, got 1/2: it takes ")
    assert failed.value.stdout == ""
    assert make(target, **{given: "1/2"}), "what the environment holds was not meant for it"


def test_jupyterlab_shows_the_project_and_opens_at_its_notebooks(make, tmp_path):
    asked = make("lab")
    assert f"--ServerApp.root_dir={tmp_path}" in asked and "--LabApp.default_url=/lab/tree/notebooks" in asked


def test_no_study_at_all_is_told_by_its_name(make):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        make("reports", "STUDIES=")
    assert failed.value.stderr.startswith("error: STUDIES must name at least one study, got none\n")


def test_common_names_in_the_environment_change_no_command(make):
    asked = {"THREADS": "8", "JOB": "42", "SCHEDULER": "slurm"}
    assert make("report", **asked) == make("report") and make("work", **asked) == make("work")


def test_who_trains_and_with_how_many_threads_reaches_every_target_that_trains(make):
    for target in ("report", "reports", "work"):
        assert make(target, "SCHEDULER=local:2", "THREADS=1")[-2:] == ["--scheduler=local:2", "--threads=1"]


def test_two_that_install_at_the_same_time_do_it_once(make, tmp_path):
    if shutil.which("flock") is None:
        pytest.skip("no flock")
    with (tmp_path / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other, who is at it
        os.utime(tmp_path / ".venv" / ".ready", (1, 1))
        command, outside = ["make", "install"], {"PATH": os.environ["PATH"]}
        second = subprocess.Popen(command, cwd=tmp_path, env=outside, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(2)
        (tmp_path / ".venv" / ".ready").touch()
    assert "installing" not in second.communicate(timeout=60)[0] and second.returncode == 0


PROGRAM = ["-m", "pneumo_utils"]
BENCH_GIVEN = "DATA='d e' WEIGHTS='w' ORIGINALS='o' "


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("report STUDY=s DATA=d WEIGHTS=w SCHEDULER=local:2", "report s --data=d --weights=w --scheduler=local:2"),
        ("report", "report demo"),
        ("plan STUDY=s DATA=d WEIGHTS=w JOB=2/8", "plan s --data=d --weights=w --job=2/8"),
        ("work STUDY=s DATA=d JOB=2/8", "work s --data=d --job=2/8"),
        ("work SCHEDULER=tcp://h:1 THREADS=3", "work demo --scheduler=tcp://h:1 --threads=3"),
        ("reports STUDIES=a* DATA=d", "reports a* --data=d"),
        ("compare A=first B=second", "compare first second"),
        ("pdf STUDY=s", "pdf s"),
        ("serve STUDY=s", "serve reports/s/model"),
        ("export STUDY=s", "export reports/s/model"),
        ("data STUDY=s DATA=d", "data s --data=d"),
        ("parameters", "parameters"),
        ("clean", "clean"),
    ],
)
def test_a_target_is_the_command_of_its_name_with_what_is_given(make, target, words):
    assert make(*target.split()) == [*PROGRAM, *words.split()]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("bench", ["benchmarks/runner.py"]),
        ("recipes", ["benchmarks/recipes.py"]),
        ("picture STUDY=s", ["docs/front_page_picture.py", "s"]),
        ("lungs", ["-m", "pneumo_utils.networks.lung_field_training"]),
        ("fuzz", ["-m", "pytest", "tests/test_fuzz.py"]),
    ],
)
def test_other_targets_run_the_script_that_they_stand_for(make, target, words):
    assert make(*target.split()) == words


def test_benches_and_the_fuzz_test_are_told_by_their_environment_what_to_take(make):
    places = ["DATA=d e", "WEIGHTS=w", "ORIGINALS=o"]
    for target in ("bench", "recipes"):
        assert make("--dry-run", target, *places)[0].startswith(BENCH_GIVEN)
    assert make("--dry-run", "fuzz")[0].startswith("FUZZ=20000 ")


@pytest.mark.parametrize(("asked", "folder"), [("", ".venv"), ("0", ".venv"), ("no", ".venv"), ("1", ".venv-gpu")])
def test_an_environment_for_a_gpu_is_built_only_where_gpu_says_neither_0_nor_no(make, asked, folder):
    assert f"installing into {folder} " in "\n".join(make("--dry-run", "--always-make", "install", f"GPU={asked}"))


def test_an_interpreter_may_be_named_with_a_tilde_or_a_space(make, tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    for given in ("~/a b/python3", str(tmp_path / "a b" / "python3")):
        shown = "\n".join(make("--dry-run", "--always-make", "install", f"PYTHON={given}", HOME=str(tmp_path)))
        assert f"for python in '{tmp_path}/a b/python3'; do" in shown


def test_an_environment_stays_until_the_new_one_is_whole(make, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "broken").write_text('#!/bin/sh\n[ "$1" = -m ] && exit 7\necho "$0"\n', encoding="utf-8")
    (tmp_path / "broken").chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        make("install", "--always-make", f"PYTHON={tmp_path / 'broken'}")
    assert "the old one is back" in failed.value.stderr
    assert (tmp_path / ".venv" / ".ready").is_file() and not (tmp_path / ".venv.old").exists()


def test_every_make_target_documents_itself():
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split())
    documented = set(re.findall(r"^([a-z-]+):.*## ", text, re.M))
    assert phony == documented
    assert {"help", "lab", "test", "lint", "report", "clean", "data"} <= phony
