"""Files that are sent to the page are scored or refused in a sentence, and no other site can send any."""

import base64
import csv
import io
import logging
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import httpx
import numpy as np
import pytest
from starlette import testclient
from support import scoring_page
from support.scoring_page import HOST, WHOLE, FakeMaps, FakeScorer, serving

from pneumo_utils.deployment import bundle, radiograph_reading, score_rows
from pneumo_utils.deployment.web import web_app, web_page
from pneumo_utils.deployment.web.web_app import WebApp

FILE = {"content-type": "application/octet-stream"}


@pytest.fixture
def scorer(tmp_path):
    return FakeScorer(tmp_path / "model")


@pytest.fixture
def page(scorer):
    app = WebApp(scorer, FakeMaps)
    yield testclient.TestClient(app.build(), base_url=f"http://{HOST}", raise_server_exceptions=False)
    app.close()


def send(page, name, data=b"a radiograph", where="/score", **headers):
    return page.post(where, content=data, headers=FILE | {"x-file-name": name} | headers)


def picture_of(url, kind):
    head, _, body = url.partition(",")
    assert head == f"data:image/{kind};base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_file_gets_its_score_its_row_and_its_picture(page, scorer):
    told = send(page, "ill.png").json()
    assert told["score"]["probability"] == 0.97 and told["score"]["decision"] == "pneumonia"
    row = dict(zip(score_rows.COLUMNS, next(csv.reader([told["row"]])), strict=True))
    assert row["path"] == "ill.png" and row["engine"] == "keras" and row["bundle"] == scorer.bundle.digest[:16]
    shown = picture_of(told["picture"], "jpeg")
    assert shown.shape == (288, 384) and np.abs(cv2.resize(shown, (120, 90)).astype(int) - WHOLE).mean() < 2
    assert scorer.seen == [("ill.png", b"a radiograph")]


def test_a_file_in_memory_is_read_as_one_on_a_disk(scorer, tmp_path):
    file = tmp_path / "radiograph.png"
    cv2.imwrite(str(file), WHOLE)
    ways = (
        radiograph_reading.read(str(file), scorer.bundle.contents, keep_whole=True),
        radiograph_reading.read_bytes(file.read_bytes(), scorer.bundle.contents, keep_whole=True),
    )
    assert ways[0].sha256 == ways[1].sha256 and ways[0].reason == ways[1].reason == ""
    assert np.array_equal(ways[0].picture, ways[1].picture) and np.array_equal(ways[1].whole, WHOLE)


def test_the_row_is_the_one_that_predict_writes(page, scorer):
    score = scorer.score_one(b"x", 'odd, "a".png').score
    own = {"bundle": scorer.bundle.digest[:16], "engine": "keras"}
    assert send(page, "odd%2C%20%22a%22.png", b"x").json()["row"] == score_rows.render(score, own, False).decode()


def test_a_refused_file_has_its_reason_and_no_number(page):
    told = send(page, "text.txt").json()
    assert told["score"]["reason"] == "is no picture, but text" and told["score"]["probability"] is None
    assert told["picture"] is None


def test_a_name_of_any_language_comes_back_as_it_was(page):
    assert send(page, "ill%20%C3%BC%E8%82%BA%0A.png").json()["score"]["path"] == "ill ü肺\n.png"


def test_a_failure_of_the_program_refuses_one_file_and_never_stops_the_others(page, caplog):
    told = send(page, "crash-secret.png").json()["score"]
    assert told["status"] == "refused" and "ZeroDivisionError" in told["reason"] and len(told["sha256"]) == 64
    assert "ZeroDivisionError" in caplog.text and "secret" not in caplog.text
    assert send(page, "ill.png").json()["score"]["status"] == "scored"


def test_no_line_of_the_log_holds_a_name(page, caplog):
    caplog.set_level(logging.DEBUG, "pneumo_utils")
    for name in ("ill-secret.png", "text-secret", "crash-secret"):
        send(page, name)
        send(page, name, where="/map")
    own = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert own and not any("secret" in record.getMessage() + str(record.exc_text) for record in own)


def test_a_heat_map_is_transparent_where_it_is_cold(page):
    drawn = picture_of(send(page, "ill.png", where="/map").json()["map"], "png")
    assert drawn.shape == (128, 128, 4) and drawn[0, 127, 3] == 0 and drawn[80, 40, 3] > 250


def test_a_map_on_which_nothing_speaks_for_pneumonia_is_told_as_none(scorer, monkeypatch):
    monkeypatch.setattr(FakeMaps, "draw_map", lambda maps, picture: np.zeros((8, 8)))
    page = testclient.TestClient(WebApp(scorer, FakeMaps).build(), base_url=f"http://{HOST}")
    assert send(page, "well.png", where="/map").json() == {"map": None}


def test_a_refused_file_has_no_heat_map(page):
    told = send(page, "text", where="/map").json()
    assert "map" not in told and "refused" in told["error"]


def test_a_heat_map_that_fails_leaves_a_sentence(scorer):
    def broken():
        raise OSError("secret.keras")

    page = testclient.TestClient(WebApp(scorer, broken).build(), base_url=f"http://{HOST}")
    assert send(page, "ill.png", where="/map").json()["error"].endswith("got OSError")


def test_without_heat_maps_the_page_says_why_and_draws_none(scorer):
    page = testclient.TestClient(WebApp(scorer, None, "Heat maps need a hat.").build(), base_url=f"http://{HOST}")
    assert "Heat maps need a hat." in page.get("/").text and 'id="opacity"' not in page.get("/").text
    assert send(page, "ill.png", where="/map").status_code == 404


@pytest.mark.parametrize("told", [True, False])
def test_a_file_that_is_too_large_is_not_read(page, scorer, monkeypatch, told):
    monkeypatch.setattr(web_app, "LARGEST", 2**20)
    data = bytes(2**20 + 1)
    body = data if told else iter([data])  # with its length in the header, and without
    answer = send(page, "ill.png", body)
    assert answer.status_code == 413 and answer.json()["error"] == "file must have at most 1 MB, got 1.0"
    assert scorer.seen == [] and send(page, "ill.png", bytes(2**20)).status_code == 200


def test_a_body_that_is_no_file_is_refused(page):
    answer = page.post("/score", files={"file": b"x"})
    assert answer.status_code == 415 and "multipart/form-data" in answer.json()["error"]


def test_nothing_is_written_to_a_disk(page):
    watching, written = [True], []

    def note(event, arguments):
        if watching and event == "open" and arguments[2] & os.O_ACCMODE != os.O_RDONLY:
            written.append(arguments[0])

    sys.addaudithook(note)  # it stays for good, and sees nothing more
    send(page, "ill.png", bytes(3 * 2**20))
    send(page, "ill.png", bytes(3 * 2**20), where="/map")
    watching.clear()
    assert written == []


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "10.0.0.1:8000", "localhost.example", ""])
def test_a_name_that_was_made_to_point_here_is_refused(page, host):
    assert page.get("/", headers={"host": host}).status_code == 421
    assert send(page, "ill.png", host=host).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
def test_every_name_of_this_machine_is_known(page, host):
    assert page.get("/", headers={"host": host}).status_code == 200


def test_a_page_for_others_knows_addresses_and_its_own_name_but_no_other(scorer):
    page = testclient.TestClient(WebApp(scorer, host="0.0.0.0").build(), base_url="http://10.0.0.7:8000")
    assert page.get("/").status_code == 200
    assert page.get("/", headers={"host": "example.org:8000"}).status_code == 421
    assert "no password" in page.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_file_sent_by_another_page_is_refused(page, scorer, headers):
    for where in ("/score", "/map"):
        answer = send(page, "ill.png", where=where, **headers)
        assert answer.status_code == 403 and "another" in answer.json()["error"]
        assert "access-control-allow-origin" not in answer.headers
    assert scorer.seen == []


def test_a_file_sent_by_the_page_itself_is_taken(page):
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert send(page, "ill.png", **own).status_code == 200


@pytest.mark.parametrize("where", ["/", "/scoring_page.js", *web_page.SHARED, "/nothing", "/score"])
def test_every_answer_forbids_foreign_scripts_caching_and_guessed_types(page, where):
    policy = page.get(where).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert page.get(where).headers["cache-control"] == "no-store"
    assert page.get(where).headers["x-content-type-options"] == "nosniff"


def test_the_page_holds_no_script_or_style_of_its_own_and_asks_no_one_else(page):
    text = page.get("/").text
    assert "<style" not in text and "style=" not in text and " onclick" not in text and text.count("<script") == 1
    for name in ("/", "/scoring_page.js", *web_page.SHARED):
        addresses = page.get(name).text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in addresses and "https:" not in addresses and "//cdn" not in addresses


def test_what_is_not_there_is_told_in_a_sentence(page):
    for answer, status in ((page.get("/../bundle.json"), 404), (page.get("/gate.npz"), 404), (page.put("/"), 405)):
        assert answer.status_code == status and "must be" in answer.json()["error"]


def test_the_page_says_what_the_network_is_for(page):
    text = " ".join(page.get("/").text.split())
    for wanted in ("not for diagnosis", "aged 1 to 5 years", "Platt", "0.500", "from 0.182 to 0.818", "64 MB"):
        assert wanted in text


def told_by(folder, **changed):
    """The words of the page of a bundle."""
    made = scoring_page.write_bundle(folder / "model", **changed)
    return " ".join(web_page.render(made, "keras", {"bytes": 1, "files": 1}).replace("&#39;", "'").split())


def test_a_page_of_drawn_pictures_calls_them_drawn_and_names_no_age(tmp_path):
    text = told_by(tmp_path, drawn=True, least_age=None, largest_age=None)
    assert "Drawn pictures of chest radiographs" in text and "Only for drawn radiographs." in text
    assert "aged" not in text and "DICOM header" not in text and "None" not in text


def test_a_page_of_a_folder_says_that_ages_are_not_recorded(tmp_path):
    text = told_by(tmp_path, least_age=None, largest_age=None)
    assert "of what age, is not recorded" in text and "whose ages are not recorded" in text
    assert "children aged" not in text and "Drawn" not in text and "DICOM header" not in text


def test_the_page_says_what_share_was_allowed_and_what_was_measured_where_it_was(tmp_path):
    allowed = "Of the study's own radiographs 2.0% may be refused, by limits set on validation"
    assert f"{allowed}." in told_by(tmp_path)
    found = {"n": 60, "refused": 3, "lower": 0.0104, "upper": 0.1392}
    measured = f"{allowed}; of the test part 3 of 60 were (5.0%, 95% interval 1.0% to 13.9%)."
    assert measured in told_by(tmp_path, test_refusals=found)
    found |= {"lower": None, "upper": None}
    assert f"{allowed}; of the test part 3 of 60 were (5.0%)." in told_by(tmp_path, test_refusals=found)


def test_without_a_band_the_page_leaves_everything_to_a_human(tmp_path):
    point = {"rule": "half", "threshold": 0.5, "band": None, "slope": 1.0, "intercept": 0.0}
    scorer = FakeScorer(tmp_path / "model", operating_point=point)
    assert "Every radiograph is left to a human" in web_page.render(scorer.bundle, "keras", {"bytes": 1, "files": 1})


def test_what_a_bundle_says_is_text_on_the_page_and_never_markup(tmp_path):
    scorer = FakeScorer(tmp_path / "model", title="<img src=x onerror=alert(1)>", study='"><script>')
    text = web_page.render(scorer.bundle, "keras", {"bytes": 1, "files": 1})
    assert "<img" not in text and "&lt;img" in text and text.count("<script") == 1


def test_the_model_card_is_shown_as_text_where_the_bundle_has_one(scorer):
    bundle.write_card(scorer.bundle.folder, "# <b>Card</b>")
    page = testclient.TestClient(WebApp(scorer).build(), base_url=f"http://{HOST}")
    assert 'href="model_card.md"' in page.get("/").text
    assert page.get("/model_card.md").headers["content-type"].startswith("text/plain")


def test_files_reach_the_networks_one_at_a_time(scorer):
    scorer.pause = 0.05
    with serving(WebApp(scorer, FakeMaps)) as address, ThreadPoolExecutor() as pool:
        sent = [
            pool.submit(httpx.post, f"{address}/score", content=b"x", headers=FILE | {"x-file-name": f"ill-{number}"})
            for number in range(6)
        ]
        assert [one.result().json()["score"]["path"] for one in sent] == [f"ill-{number}" for number in range(6)]
    assert scorer.most_at_once == 1


def test_the_page_stays_reachable_while_networks_compute(scorer):
    scorer.may_go_on.clear()
    with serving(WebApp(scorer, FakeMaps)) as address, ThreadPoolExecutor() as pool:
        sent = pool.submit(
            httpx.post, f"{address}/score", content=b"x", headers=FILE | {"x-file-name": "ill"}, timeout=60
        )
        assert scorer.began.wait(20)
        try:
            assert httpx.get(f"{address}/", timeout=10).status_code == 200
        finally:
            scorer.may_go_on.set()
        assert sent.result().json()["score"]["status"] == "scored"


@pytest.mark.parametrize("limit", ["_PATIENCE", "_PAUSE"])
def test_a_file_that_comes_too_slowly_is_given_up(scorer, monkeypatch, limit):
    monkeypatch.setattr(web_app, limit, 0.2)
    with serving(WebApp(scorer)) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            head = f"POST /score HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: {FILE['content-type']}\r\n"
            slow.sendall(f"{head}content-length: 1000\r\n\r\nabc".encode())
            assert slow.recv(4096).startswith(b"HTTP/1.1 408")
    assert scorer.seen == []


def test_the_table_that_is_saved_begins_as_that_of_predict(page):
    header = io.StringIO(page.get("/").text)
    assert any(f'data-header="{",".join(score_rows.COLUMNS)}"' in line for line in header)
