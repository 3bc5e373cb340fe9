"""The page of `study.demo`, in a real headless Chromium: `uv run pytest -m browser`."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from execution.sockets import beyond_loopback, listening
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import study
from study import demo
from study.command import USER_ERROR

pytestmark = pytest.mark.browser

RUN = "tiny"
TIMEOUT_MS = 30_000


def command(results: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "study.demo", RUN, "--results", str(results), *arguments]


class Served:
    """The command in a process of its own."""

    def __init__(self, results: Path, *arguments: str, temporary: Path) -> None:
        environment = {"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "HOME": str(temporary)}
        environment |= {name: value for name, value in os.environ.items() if name == "HTTP_PROXY"}
        self.process = subprocess.Popen(
            command(results, *arguments), stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stderr is not None
        self.said = ""
        while not (found := re.search(r"http://\S+\s", self.said)):
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.url = found.group().strip()

    def end(self, number: int) -> tuple[int, str]:
        """Exit code, and what it still had to say."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        # Not `communicate`, which would lose what has been read ahead of the first line.
        with self.process.stderr as stderr:
            said = stderr.read()
        return self.process.wait(60), said


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def served(finished_run: Path, temporary: Path) -> Iterator[Served]:
    page = Served(finished_run, temporary=temporary)
    yield page
    page.end(signal.SIGINT)


@pytest.fixture
def requests() -> list[str]:
    """What the page asks for, from the first byte on."""
    return []


@pytest.fixture
def page(browser: Browser, served: Served, requests: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(served.url)
    yield opened
    context.close()


def drop(page: Page, path: Path) -> None:
    page.set_input_files("input[type=file]", path)


def a_slice(images: Path) -> Path:
    return next(iter(sorted((images / "Testing").rglob("*.jpg"))))


def test_an_image_is_answered_as_predict_answers_it_with_the_map_beside_it(
    page: Page, requests: list[str], finished_run: Path, tiny_images: Path
) -> None:
    drop(page, a_slice(tiny_images))
    (expected,) = study.load_winner(RUN, finished_run).predict([a_slice(tiny_images)])
    expect(page.locator("#decision h2")).to_have_text(expected.answer, timeout=TIMEOUT_MS)
    for picture in ("#seen img", "#heat img"):
        shown = page.locator(picture)
        expect(shown).to_be_visible(timeout=TIMEOUT_MS)
        page.wait_for_function(f"document.querySelector('{picture}').naturalWidth > 100")
    told = page.locator("#probabilities").inner_text()
    classes = study.load_winner(RUN, finished_run).classes
    for name, probability in zip(classes, expected.probabilities, strict=True):
        assert re.search(rf"{name}\s+{probability:.0%}", told), told
    assert len(requests) > 5
    assert all(re.match(r"(http://127\.0\.0\.1:|data:|blob:)", url) for url in requests)


def test_the_page_says_that_it_is_no_medical_device_before_anything_is_dropped(page: Page) -> None:
    expect(page.locator("#warning")).to_contain_text("This is no medical device")
    expect(page.locator("#warning")).to_be_in_viewport()


def test_an_image_of_something_else_gets_a_warning(page: Page, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    drop(page, tmp_path / "noise.png")
    expect(page.locator("#decision")).to_contain_text("unlike the training images", timeout=TIMEOUT_MS)


def test_a_file_that_is_no_image_is_said_to_be_none_and_the_next_one_is_answered(
    page: Page, tmp_path: Path, tiny_images: Path
) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    drop(page, tmp_path / "torn.png")
    expect(page.locator("#decision")).to_contain_text("can't be read", timeout=TIMEOUT_MS)
    page.reload()
    drop(page, a_slice(tiny_images))
    expect(page.locator("#heat img")).to_be_visible(timeout=TIMEOUT_MS)


def test_nobody_else_can_reach_the_page(served: Served) -> None:
    found = listening(served.process.pid)
    assert found
    assert not beyond_loopback(found)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_when_it_ends_nothing_of_what_was_dropped_is_left(
    browser: Browser, finished_run: Path, tiny_images: Path, tmp_path: Path, number: int
) -> None:
    own = Served(finished_run, temporary=tmp_path)
    page = browser.new_page()
    page.goto(own.url)
    drop(page, a_slice(tiny_images))
    expect(page.locator("#heat img")).to_be_visible(timeout=TIMEOUT_MS)
    assert list(tmp_path.rglob("*.jpg"))
    page.close()
    code, said = own.end(number)
    assert code == 0
    assert "deleted" in said
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".jpg", ".png", ".webp")]


def test_a_web_page_elsewhere_cant_ask_it_under_another_name(served: Served) -> None:
    asked = urllib.request.Request(served.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(asked, timeout=10)
    assert refusal.value.code == 400
    refusal.value.close()


def test_it_starts_where_there_is_a_proxy_that_does_not_know_it(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    own = Served(finished_run, temporary=tmp_path)
    assert own.end(signal.SIGINT)[0] == 0


def test_beyond_loopback_it_says_who_can_use_it(finished_run: Path, tmp_path: Path) -> None:
    own = Served(finished_run, "--host", "0.0.0.0", temporary=tmp_path)
    code, said = own.end(signal.SIGINT)
    assert code == 0
    assert "no password" in said


def test_a_port_that_is_taken_is_an_error(served: Served, finished_run: Path) -> None:
    port = served.url.rstrip("/").rpartition(":")[2]
    ended = subprocess.run(command(finished_run, "--port", port), stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == USER_ERROR
    assert f"127.0.0.1:{port} can't be had" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_gradio_the_extra_is_named(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert demo.main([RUN, "--results", str(finished_run)]) == USER_ERROR
    assert "uv sync --extra demo" in capsys.readouterr().err
