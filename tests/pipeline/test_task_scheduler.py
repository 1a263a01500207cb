"""Tasks of a scheduler: what is refused early, a worker that dies, and what is left behind."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import tasks as work
from support.processes import below, gone, until

from pneumo_utils.__main__ import main
from pneumo_utils.networks.training_list import TrainingJob
from pneumo_utils.pipeline import scheduled_training, scheduler_worker, task_scheduler
from pneumo_utils.pipeline.scheduler_worker import TaskRequirements
from pneumo_utils.pipeline.task_scheduler import SchedulerError, TaskScheduler
from pneumo_utils.pipeline.training_process import TrainingInputs
from pneumo_utils.records.store import Store

ROOM = "pipeline.scheduled_training"


def processes(folder):
    """Those that have noted that they work."""
    return [int(file.name) for file in folder.iterdir() if file.name.isdigit()]


@pytest.mark.parametrize("named", ["local", "local:0", "local:-1", "local:two", "tcp://host", "http://host:1", "2"])
@pytest.mark.parametrize("command", [["report", "smoke"], ["work", "smoke"], ["predict", ".", "--model", "gone"]])
def test_a_name_that_no_scheduler_has_is_refused_before_anything_else(capsys, named, command):
    assert main([*command, "--scheduler", named]) == 1
    assert (
        capsys.readouterr().err == f"error: scheduler must be local:N with N from 1, or tcp://HOST:PORT, got {named}\n"
    )


@pytest.mark.parametrize("command", [["report", "smoke"], ["predict", ".", "--model", "gone"]])
def test_without_the_extra_a_sentence_says_how_to_install_it(capsys, monkeypatch, command):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "distributed" else there(name))
    assert main([*command, "--scheduler", "local:2"]) == 1
    said = capsys.readouterr().err
    assert said == "error: extra dask must be installed for a scheduler (pip install 'pneumo-utils[dask]'), got none\n"


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(task_scheduler, "_TIMEOUT_SECONDS", 1)
    told = r"scheduler tcp://127.0.0.1:9 must answer within 1 s, got OSError"
    with pytest.raises(SchedulerError, match=told), TaskScheduler("tcp://127.0.0.1:9", tmp_path, ROOM):
        pass


@pytest.mark.long
@pytest.mark.slow
def test_the_task_of_a_worker_that_is_killed_is_done_by_another_and_a_failing_one_says_why(tmp_path):
    with TaskScheduler("local:2", tmp_path, ROOM) as tasks:
        assert tasks.workers == 2
        assert not list(tmp_path.glob("*.part*")), "a run that prepares a study would clear it away"
        task = tasks.submit(work.note, str(tmp_path), 3, name="one")
        assert until(lambda: processes(tmp_path), 60)
        (first,) = processes(tmp_path)
        os.kill(first, signal.SIGKILL)
        assert tasks.result(task, "one") != first
        assert len(processes(tmp_path)) == 2
        with pytest.raises(ValueError, match="labels must be 0 or 1, got 2"):
            tasks.result(tasks.submit(work.fail, name="two"), "two")
    assert not [child for child in below(os.getpid()) if "distributed" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_training_and_doubles_none(tmp_path, monkeypatch):
    jobs = [TrainingJob("cnn", seed) for seed in range(3)]
    store = Store("small", tmp_path)
    given, noted = TrainingInputs(store, {}, {}), store.work / "noted"
    noted.mkdir(parents=True)
    monkeypatch.setattr(scheduled_training, "_train", work.train)
    shown = SimpleNamespace(begin=lambda name, file: None, end=lambda name: None)

    def begun():
        return [file for file in noted.iterdir() if " begun by " in file.name]

    def kill():
        if until(begun, 300):
            os.kill(int(begun()[0].name.rpartition(" ")[2]), signal.SIGKILL)
        (noted / "go on").touch()

    killer = threading.Thread(target=kill)
    with TaskScheduler("local:2", store.work, ROOM) as tasks:
        killer.start()
        done = [job for job, _ in scheduled_training.train_all(tasks, given, jobs, 0, shown)]
        killer.join()
    ended = sorted(file.name.partition(" ")[0] for file in noted.iterdir() if " ended by " in file.name)
    assert sorted(job.name for job in done) == ended == [job.name for job in jobs], "each once"
    assert len(begun()) == len(jobs) + 1, "and only what was killed twice"


@pytest.mark.long
@pytest.mark.slow
def test_a_worker_that_turns_out_to_be_unfit_ends_no_run_and_is_asked_for_nothing_more(tmp_path, caplog):
    with TaskScheduler("local:2", tmp_path, ROOM) as tasks:
        bad, good = tasks.fit()
        given = [tasks.submit(work.unfit_at, bad, name=f"task {number}") for number in range(4)]
        assert until(lambda: sum(task.done() for task in given) == len(given), 300)
        assert {tasks.result(task, "task") for task in given} == {good}
        assert tasks.workers == 1 and tasks.fit() == [good]
        with pytest.raises(SchedulerError, match="task: a worker of local:2 must have the same code, got none that do"):
            tasks.result(tasks.submit(work.unfit_at, good, name="task"), "task")
    told = f"workers of local:2 must have the same code, got {bad} that does not: others do what it was asked for"
    assert caplog.messages.count(told) == 1


@pytest.mark.slow
def test_a_scheduler_without_a_worker_is_told_apart_from_one_that_does_not_answer(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(task_scheduler, "_TIMEOUT_SECONDS", 1)
    told = r"must have 1 worker within 1 s \(an adaptive cluster: minimum=1\), got none"
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0") as cluster,
        pytest.raises(SchedulerError, match=told),
        TaskScheduler(cluster.scheduler_address, tmp_path, ROOM),
    ):
        pass


def test_what_becomes_of_a_task_whose_scheduler_or_workers_die_is_one_sentence(tmp_path):
    from distributed.client import ClosedClientError
    from distributed.scheduler import KilledWorker

    def fail(error):
        def raise_it(*_, **__):
            raise error

        return raise_it

    scheduler = TaskScheduler("tcp://host:1", tmp_path, ROOM)
    scheduler._client = SimpleNamespace(submit=fail(ClosedClientError("closed")))
    gone = "one: tcp://host:1 must be there to the end, got no answer any more"
    with pytest.raises(SchedulerError, match=gone):
        scheduler.submit(work.fail, name="one")
    for error, said in (
        (ClosedClientError("closed"), gone),
        (KilledWorker("one", SimpleNamespace(address="a"), 1), "one: a worker must live to its end, got 2 killed"),
    ):
        with pytest.raises(SchedulerError, match=said):
            scheduler.result(SimpleNamespace(result=fail(error)), "one")


@pytest.mark.long
@pytest.mark.slow
def test_workers_of_this_machine_end_with_who_asked_for_them_however_he_ends(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from pneumo_utils.pipeline.task_scheduler import TaskScheduler\n"
        "if __name__ == '__main__':\n"
        "    folder = Path(sys.argv[1])\n"
        f"    with TaskScheduler('local:2', folder, {ROOM!r}): (folder / 'there').touch(); time.sleep(60)"
    )
    (tmp_path / "asks.py").write_text(code)
    asking = subprocess.Popen([sys.executable, str(tmp_path / "asks.py"), str(tmp_path)], stderr=subprocess.DEVNULL)
    assert until((tmp_path / "there").exists, 60)
    started = below(asking.pid)
    assert len(started) >= 2
    asking.kill()
    asking.wait()
    assert gone(started, 20)


@pytest.mark.slow
def test_workers_that_cannot_do_alike_are_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setitem(task_scheduler._SETTINGS, "distributed.worker.daemon", True)
    told = r"must be allowed to start processes \(DASK_DISTRIBUTED__WORKER__DAEMON=False\), got tcp://\S+ that does not"
    with pytest.raises(SchedulerError, match=told), TaskScheduler("local:1", tmp_path, ROOM):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.slow
def test_workers_of_this_machine_share_its_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with TaskScheduler("local:3", tmp_path, ROOM) as tasks:
        asked = [tasks.submit(work.tell_gpus, str(tmp_path), 3, name=f"task {n}") for n in range(3)]
        seen = [tasks.result(task, "task") for task in asked]
    assert sorted(seen) == ["4", "4", "7"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,7"


@pytest.mark.long
@pytest.mark.slow
def test_the_environment_is_afterwards_what_it_was(tmp_path):
    before = dict(os.environ)
    with TaskScheduler("local:1", tmp_path, ROOM):
        pass
    assert os.environ == before


class Worker:
    """Of dask, as far as a task looks at it."""

    class state:  # noqa: N801 - as dask calls it
        nthreads = 1


@pytest.fixture
def asked(tmp_path):
    sign = tmp_path / "sign"
    sign.touch()
    return TaskRequirements.of(sign, ROOM, (tmp_path,), own_workers=True)


def test_a_worker_that_is_as_who_asks_may_work(asked):
    assert scheduler_worker.look(asked, Worker) == ""


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"places": (Path("/nowhere/data"),)}, "see the same files (/nowhere/data)"),
        ({"sign": Path("/nowhere/sign")}, "see the same files (/nowhere)"),
        ({"versions": {"Python": "2.7"}}, "have the same packages"),
        ({"code": "another"}, "have the same code"),
    ],
)
def test_a_worker_says_what_it_must_be_and_is_not(asked, changed, told):
    assert scheduler_worker.look(replace(asked, **changed), Worker) == told


def test_a_worker_that_does_two_things_at_a_time_is_told(asked, monkeypatch):
    monkeypatch.setattr(Worker.state, "nthreads", 2)
    assert scheduler_worker.look(asked, Worker) == "do one thing at a time (--nthreads 1, not 2)"


def test_a_scheduler_without_workers_is_given_up_after_minutes(tmp_path, monkeypatch):
    scheduler, clock, there = TaskScheduler("local:1", tmp_path, ROOM), [100.0], {"a": {"memory_limit": 4}}
    monkeypatch.setattr(task_scheduler.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(TaskScheduler, "_of_workers", lambda self: there)
    scheduler.check_alive()
    assert (scheduler.workers, scheduler.memory) == (1, 4)
    there.clear()
    clock[0] += 110
    scheduler.check_alive()
    clock[0] += 20
    with pytest.raises(SchedulerError, match="scheduler local:1 must have a worker, got none for 2 min"):
        scheduler.check_alive()


def test_a_training_that_needs_more_memory_than_a_worker_has_is_told_before_it_begins():
    class Small:
        named, memory = "local:2", 4e9

    told = r"workers of local:2 must be allowed 10.4 GB, which the largest training may need, got 4.0 GB"
    with pytest.raises(SchedulerError, match=told):
        scheduled_training.check_memory(Small, 10.4e9)
    scheduled_training.check_memory(Small, 3e9)


@pytest.mark.long
@pytest.mark.slow
def test_a_task_whose_client_was_killed_stops_and_its_sign_goes_with_the_next_run(tmp_path, monkeypatch):
    sign = tmp_path / ".asked-0"
    sign.touch()
    monkeypatch.setattr(scheduler_worker, "_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(scheduler_worker, "_POLL_SECONDS", 0.05)
    worker = SimpleNamespace(memory_manager=SimpleNamespace(memory_limit=None))
    monkeypatch.setattr("distributed.get_worker", lambda: worker)
    asked = TaskRequirements(sign, ROOM, (), {}, "")
    pool = SimpleNamespace(check_memory=lambda limit: None)
    with pytest.raises(scheduler_worker.NotWantedError, match="somebody must wait for it, got nobody"):
        scheduler_worker.watch(asked, pool, Future())
    os.utime(sign, (0, 0))
    with TaskScheduler("local:1", tmp_path, ROOM):
        assert not sign.exists() and len(list(tmp_path.glob(".asked-*"))) == 1
