"""The reading room in a real browser: by keys only, and without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ml.phantom.film import PhantomSpec, png_bytes
from tests.conftest import LiveStack
from tests.e2e.steps import SIDE, create_and_sign_in, send_films

pytestmark = pytest.mark.e2e

FILM = re.compile(r"/reading/[0-9a-f-]{36}$")


def phantoms(folder: Path, number: int, first: int) -> list[Path]:
    """Write films that no other test sends; the live stack flags all of them, at least as audit sample."""
    folder.mkdir(exist_ok=True)
    films = [folder / f"read-{seed}.png" for seed in range(first, first + number)]
    for seed, film in enumerate(films, start=first):
        film.write_bytes(png_bytes(PhantomSpec(SIDE, SIDE, seed=seed, opacities=seed % 3)))
    return films


def wait_for_film(page: Page, after: str = "") -> str:
    """Wait for the page of another film, with the focus on its heading; return its address."""
    expect(page).to_have_url(FILM)
    page.wait_for_function("before => location.href !== before", arg=after)
    page.wait_for_load_state()  # the scripts have run by then
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator("[data-still], [data-canvas]").first).to_be_attached()
    return page.url


def test_films_are_read_by_keys_only(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    create_and_sign_in(page, live_stack, "keyboard", staff=True)
    send_films(page, "To be read", phantoms(tmp_path / "films", 7, 700))
    page.goto(f"{live_stack.base_url}/reading")
    expect(page.get_by_role("button", name="Start reading")).to_be_focused()
    page.keyboard.press("Enter")
    live = page.locator("[data-live]")

    first = wait_for_film(page)
    assert page.get_by_text("Blinded").is_visible()
    assert page.locator("main").get_by_role("img", name=re.compile("read-")).count() == 0
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the reading room")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("c")  # no effect, because the decision is hidden
    page.keyboard.press("y")
    second = wait_for_film(page, first)
    expect(live).to_contain_text("Model:")
    expect(live).to_contain_text("You: COVID-19 signs.")
    expect(page.locator(".reading-room__count")).to_have_text("1 read today")

    page.keyboard.press("a")
    third = wait_for_film(page, second)
    page.keyboard.press("z")
    assert wait_for_film(page, third) == second
    expect(live).to_contain_text("withdrawn")
    expect(page.locator(".reading-room__result")).to_be_visible()
    page.keyboard.press(page.locator("[data-key]").first.get_attribute("data-key") or "")
    assert wait_for_film(page, second) == third

    page.keyboard.press("n")
    page.keyboard.type("rotated; you see")  # these letters are verdict keys outside the field
    expect(page.get_by_label("Note (optional)")).to_have_value("rotated; you see")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    fourth = wait_for_film(page, third)
    expect(live).to_contain_text("Marked unreadable.")
    page.keyboard.press("k")
    fifth = wait_for_film(page, fourth)
    expect(live).to_contain_text("Skipped.")
    page.keyboard.press("s")
    sixth = wait_for_film(page, fifth)
    page.keyboard.press("Tab")  # the keys work wherever the focus is
    page.keyboard.press("y")
    wait_for_film(page, sixth)
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Reading room", exact=True)).to_be_visible()

    page.goto(f"{live_stack.base_url}/reading/me")
    expect(page.get_by_label("Pace")).to_contain_text("5 films read")
    page.goto(third.replace("/reading/", "/films/"))
    expect(page.get_by_text("rotated; you see")).to_be_visible()


def test_the_next_films_picture_is_loaded_in_advance(page: Page, live_stack: LiveStack, tmp_path: Path) -> None:
    create_and_sign_in(page, live_stack, "hasty", staff=True)
    send_films(page, "Read in haste", phantoms(tmp_path / "films", 3, 720))
    page.goto(f"{live_stack.base_url}/reading")
    page.get_by_role("button", name="Start reading").click()
    first = wait_for_film(page)
    key = first.rsplit("/", 1)[1]
    page.wait_for_function(
        "key => performance.getEntriesByType('resource').some(({ name }) => "
        "name.endsWith('/display.jpg') && !name.includes(key))",
        arg=key,
    )
    prefetched = page.evaluate(
        "key => performance.getEntriesByType('resource').map(({ name }) => name)"
        ".find((name) => name.endsWith('/display.jpg') && !name.includes(key))",
        key,
    )
    page.keyboard.press("a")
    assert wait_for_film(page, first).rsplit("/", 1)[1] in prefetched


def test_reading_without_javascript_and_on_a_phone(
    browser: Browser, live_stack: LiveStack, page: Page, tmp_path: Path
) -> None:
    create_and_sign_in(page, live_stack, "plain", staff=True)
    send_films(page, "Read plainly", phantoms(tmp_path / "films", 3, 740))
    state = page.context.storage_state()
    context = browser.new_context(
        java_script_enabled=False, storage_state=state, viewport={"width": 390, "height": 844}
    )
    plain = context.new_page()
    plain.goto(f"{live_stack.base_url}/reading")
    plain.get_by_role("button", name="Start reading").click()
    expect(plain).to_have_url(FILM)
    first = plain.url
    assert plain.locator("[data-still]").is_visible()
    plain.get_by_label("Note (optional)").fill("by a plain form")
    plain.get_by_role("button", name="No such signs").click()
    expect(plain.locator("[data-live]")).to_contain_text("You: No such signs.")
    plain.get_by_role("button", name="Undo").click()
    expect(plain).to_have_url(first)
    plain.get_by_role("button", name="Unreadable").click()
    expect(plain.locator("[data-live]")).to_contain_text("Marked unreadable.")
    plain.get_by_role("button", name="Skip").click()
    expect(plain).to_have_url(FILM)
    plain.get_by_role("button", name="Release and exit").click()
    expect(plain.get_by_role("heading", name="Reading room", exact=True)).to_be_visible()
    context.close()
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/reading", "/reading/me", "/reading/readers", "/reviews"):
        page.goto(live_stack.base_url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    page.goto(f"{live_stack.base_url}/reading")
    page.get_by_role("button", name="Start reading").click()
    wait_for_film(page)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        390,
        844,
    ]
