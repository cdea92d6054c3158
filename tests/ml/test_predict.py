"""The command line: what it prints, for films and for what is none, and how it exits."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ml import DEFAULT_MODEL, NOTICE
from ml.inference.bundle import find_bundle
from ml.inference.decision import decide
from ml.predict import BATCH, list_files, main, predict
from tests.ml.helpers import phantom_file, seed_cnn_bundle

ROOT = Path(__file__).resolve().parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[Any]]:
    """Exit status and JSON lines of one call."""
    status = main([str(argument) for argument in ("--jsonl", *arguments)])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return phantom_file(tmp_path / "films" / "a.png", 1)


def test_an_accepted_film_has_every_promised_key(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, (answer,) = run(capsys, film)
    assert status == 0
    assert set(answer) == {"path", "accepted", "reasons", "score", "decision", "model", "sha256", "notice", "notes"}
    assert (answer["path"], answer["accepted"], answer["reasons"]) == (str(film), True, [])
    assert 0 <= answer["score"] <= 1
    served = find_bundle(DEFAULT_MODEL)
    assert answer["decision"] == decide(answer["score"], served.low, served.high)
    assert answer["model"] == f"{DEFAULT_MODEL}@{served.digest[:12]}"
    assert answer["sha256"] == sha256(film.read_bytes()).hexdigest()
    assert answer["notice"] == NOTICE


def test_a_refused_film_has_its_reason_and_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "film.png"
    text.write_text("no picture")
    status, (answer,) = run(capsys, text)
    assert status == 1
    assert (answer["accepted"], answer["score"], answer["decision"]) == (False, None, None)
    assert [reason["code"] for reason in answer["reasons"]] == ["unsupported_kind"]
    assert answer["reasons"][0]["sentence"].endswith(".")
    assert answer["sha256"] == sha256(text.read_bytes()).hexdigest()


def test_a_folder_is_walked_and_hidden_files_are_left_out(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = phantom_file(film.parent / "ward" / "3" / "b.png", 2)
    phantom_file(film.parent / ".hidden.png", 3)
    status, answers = run(capsys, film.parent)
    assert status == 0
    assert [answer["path"] for answer in answers] == [str(film), str(deep)]


def test_a_hidden_file_that_is_named_is_meant(tmp_path: Path) -> None:
    hidden = phantom_file(tmp_path / ".film.png", 1)
    assert list_files([hidden]) == [hidden]


def test_scores_stay_with_their_films_across_refusals_and_batches(tmp_path: Path) -> None:
    paths = [phantom_file(tmp_path / f"{seed}.png", seed) for seed in range(BATCH + 3)]
    alone = {path: next(predict([path], seed_cnn_bundle()))["score"] for path in paths}
    assert len(set(alone.values())) > BATCH
    refused = [paths[1], paths[BATCH - 1], paths[BATCH]]
    for path in refused:
        path.write_bytes(b"")
    for path, answer in zip(paths, predict(paths, seed_cnn_bundle()), strict=True):
        assert answer["path"] == str(path)
        if path in refused:
            assert answer["reasons"][0]["code"] == "empty_file"
        else:
            assert answer["score"] == pytest.approx(alone[path], abs=2e-6)


def test_a_batch_of_refusals_alone_is_no_problem(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(BATCH)]
    for path in paths:
        path.write_bytes(b"")
    assert [answer["accepted"] for answer in predict(paths, seed_cnn_bundle())] == [False] * BATCH


def test_a_file_that_vanished_is_named_unreadable(tmp_path: Path) -> None:
    (answer,) = predict([tmp_path / "gone.png"], seed_cnn_bundle())
    assert answer["reasons"][0]["code"] == "unreadable_file"
    assert answer["sha256"] is None


def test_plain_output_says_each_film_and_the_notice(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (film.parent / "b.png").write_bytes(b"")
    assert main([str(film.parent)]) == 1
    first, second, notice = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{film}: 0.")
    assert first.split()[-1] in {"negative", "uncertain", "positive"}
    assert "refused, empty_file: The file is empty" in second
    assert notice == NOTICE


def test_an_unknown_model_is_a_wrong_call(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "resnet", str(film)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "resnet" in shown.err
    assert "seed-cnn" in shown.err


def test_a_missing_path_is_a_wrong_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "gone")]) == 2
    assert "There is no" in capsys.readouterr().err


def test_no_path_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    assert "PATH" in capsys.readouterr().err


def test_it_runs_as_a_program_with_clean_output(film: Path) -> None:
    """Progress and warnings must not mix with the JSON lines."""
    (film.parent / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    command = [sys.executable, "-m", "ml.predict", "--jsonl", str(film.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["accepted"] for answer in answers] == [True, False]
    assert answers[1]["reasons"][0]["code"] == "damaged_header"


def test_serving_loads_no_training_framework() -> None:
    loaded = "[name for name in ('tensorflow', 'keras', 'django') if name in sys.modules]"
    code = f"import sys, ml.predict, ml.inference.classifier; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
