"""The film's page in a real browser: the pixels of the canvas, and every control that changes them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import FilePayload, Page, Route, expect

from ml.model_card.evidence import AtOperatingPoints, SensitivitySpecificity
from ml.phantom.film import PhantomSpec, chest, dicom_bytes, png_bytes
from screening.worker.triage import predictive_values_at
from tests.conftest import LiveStack
from tests.e2e.browsers import PHONE
from tests.e2e.conftest import NewWindow
from tests.e2e.steps import SCREENING, create_and_sign_in

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser_errors("willReadFrequently"),
]  # caused by the tests, which read the canvas

SPEC = PhantomSpec(height=300, width=260, seed=4, bits=12)
FILM = chest(SPEC).astype(int)
DRAG_SPAN = 600  # CSS pixels; see viewer/window-choice.js
Grey = NDArray[np.int64]

READ_CANVAS = """() => {
  const canvas = document.querySelector("[data-canvas]");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const grey = [];
  for (let index = 0; index < pixels.length; index += 4) grey.push(pixels[index]);
  return [canvas.width, canvas.height, grey];
}"""


def screen_films(page: Page, films: dict[str, bytes]) -> list[str]:
    """Screen films through the API as the signed-in user; return their addresses, in order."""
    home = re.sub(r"(?<=\d)/.*", "", page.url)
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    headers = {"X-CSRFToken": token, "Referer": home, "Accept": "application/json"}
    api = f"{home}/api/v1/batches"
    batch = page.request.post(api, headers=headers, form={"name": "For the viewer"}).json()["id"]
    for name, data in films.items():
        file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        assert page.request.post(f"{api}/{batch}/files", headers=headers, multipart={"file": file}).status == 201
    assert page.request.post(f"{api}/{batch}/submit", headers=headers).ok
    page.goto(f"{home}/batches/{batch}")
    expect(page.locator("[data-state-badges]")).to_contain_text("Finished", timeout=SCREENING)
    found = page.request.get(f"{api}/{batch}/films").json()["results"]
    return [f"{home}/films/{film['id']}" for film in found]


def open_film(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "full", timeout=SCREENING)
    expect(page.locator("[data-status]")).to_have_text("")


def wait_for_frame(page: Page) -> None:
    """Wait until the next frame is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def read_canvas(page: Page) -> Grey:
    wait_for_frame(page)
    width, height, grey = page.evaluate(READ_CANVAS)
    return np.array(grey).reshape(height, width)


def read_film(page: Page, height: int, width: int) -> Grey:
    """Return the middle part of the canvas, where a film of this size is shown 1:1."""
    whole = read_canvas(page)
    top, left = (
        math.floor((there - here) / 2 + 0.5) for there, here in zip(whole.shape, (height, width), strict=True)
    )
    return whole[top : top + height, left : left + width]


def windowed(values: Grey, centre: float, width: float) -> Grey:
    """Apply a window by DICOM PS3.3 C.11.2.1.2.1 (LINEAR), to 8 bits."""
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return np.floor(((values - low) / (high - low)).clip(0, 1) * 255 + 0.5).astype(int)


def drag(page: Page, across: float, down: float, button: Any = "left") -> None:
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + across / 2, y + down / 2)
    page.mouse.move(x + across, y + down)
    page.mouse.up(button=button)


@pytest.fixture
def viewing(page: Page, live_stack: LiveStack, request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    """Return a function that signs in a new user, screens films and opens the first one."""

    def view(films: dict[str, bytes], *, opened: bool = True) -> list[str]:
        create_and_sign_in(page, live_stack, re.sub(r"\W+", "-", request.node.name))
        addresses = screen_films(page, films)
        if opened:
            open_film(page, addresses[0])
        return addresses

    return view


def test_windows_use_all_twelve_bits(page: Page, viewing: Any) -> None:
    viewing({"film.dcm": dicom_bytes(SPEC)})
    expect(page.locator("[data-depth]")).to_have_text("260 × 300, 12 bit")
    expect(page.locator("[data-levels]")).to_have_text("W 4096  L 2048")
    page.keyboard.press("1")
    expect(page.locator("[data-zoom]")).to_have_text("Zoom 100 %")
    assert np.array_equal(read_film(page, *FILM.shape), windowed(FILM, 2048, 4096))

    drag(page, -240, 60, "right")
    span = int(FILM.max() - FILM.min())
    centre, width = 2048 + 60 * span / DRAG_SPAN, 4096 - 240 * span / DRAG_SPAN
    expect(page.locator("[data-levels]")).to_have_text(f"W {round(width)}  L {round(centre)}")
    own = read_film(page, *FILM.shape)
    assert np.array_equal(own, windowed(FILM, centre, width))
    squashed = np.floor(windowed(FILM, 2048, 4096)).astype(int)  # the values that a picture of 8 bits would have
    assert len(np.unique(own)) > len(np.unique(windowed(squashed, centre / 16, width / 16)))

    page.keyboard.press("i")
    assert np.array_equal(read_film(page, *FILM.shape), 255 - windowed(FILM, centre, width))
    page.keyboard.press("r")
    assert np.array_equal(read_film(page, *FILM.T.shape), np.rot90(255 - windowed(FILM, centre, width), -1))
    page.keyboard.press("Shift+R")
    page.keyboard.press("i")
    assert np.array_equal(read_film(page, *FILM.shape), windowed(FILM, centre, width))
    page.keyboard.press("0")
    expect(page.locator("[data-levels]")).to_have_text("W 4096  L 2048")
    expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "true")


def test_header_fields_change_the_values(page: Page, viewing: Any) -> None:
    """Check MONOCHROME1, and a PNG of 16 bits, whose window is its range."""
    deep = chest(PhantomSpec(280, 300, seed=5, bits=16)).astype(int)
    addresses = viewing(
        {
            "mono1.dcm": dicom_bytes(SPEC, monochrome1=True),
            "deep.png": png_bytes(PhantomSpec(280, 300, seed=5, bits=16)),
        }
    )
    page.keyboard.press("1")
    assert np.array_equal(read_film(page, *FILM.shape), 255 - windowed(4095 - FILM, 2048, 4096))
    open_film(page, addresses[1])
    page.keyboard.press("1")
    low, high = int(deep.min()), int(deep.max())
    assert np.array_equal(read_film(page, *deep.shape), windowed(deep, (low + high) / 2 + 0.5, high - low + 1))
    page.mouse.move(*middle_of_stage(page))
    x, y = (int(part) for part in page.locator("[data-probe]").inner_text().split(" at ")[1].split(", "))
    assert page.locator("[data-probe]").inner_text() == f"{deep[y, x]} at {x}, {y}"


def middle_of_stage(page: Page) -> tuple[float, float]:
    box = page.locator("[data-stage]").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_presets_of_the_header_and_of_the_tones(page: Page, viewing: Any) -> None:
    viewing({"film.dcm": dicom_bytes(SPEC)})
    choice = page.get_by_label("Window preset")
    names = choice.locator("option").all_inner_texts()
    assert names[:3] == ["As sent", "Full range", "Automatic"]
    page.keyboard.press("1")
    choice.select_option("full")
    low, high = int(FILM.min()), int(FILM.max())
    assert np.array_equal(read_film(page, *FILM.shape), windowed(FILM, (low + high) / 2 + 0.5, high - low + 1))
    choice.select_option("lung")
    lungs = read_film(page, *FILM.shape)
    choice.select_option("bone")
    bones = read_film(page, *FILM.shape)
    assert lungs.mean() > bones.mean()
    assert (lungs == 255).mean() > 0.2
    assert (bones == 0).mean() > 0.2
    page.locator("[data-stage]").focus()
    page.keyboard.press("p")
    expect(choice).to_have_value("sent-0")
    page.keyboard.press("Shift+P")
    expect(choice).to_have_value("bone")
    drag(page, 50, 0, "right")
    expect(choice).to_have_value("")


def test_wheel_and_drag(page: Page, viewing: Any) -> None:
    viewing({"film.dcm": dicom_bytes(SPEC)})
    page.keyboard.press("1")
    x, y = middle_of_stage(page)
    page.mouse.move(x + 60, y + 40)
    before = page.locator("[data-probe]").inner_text()
    for _ in range(3):
        page.mouse.wheel(0, -240)
    wait_for_frame(page)
    page.mouse.move(x + 60.01, y + 40)
    place = re.compile(r"(\d+), (\d+)$")
    there, here = (place.search(words) for words in (before, page.locator("[data-probe]").inner_text()))
    assert there is not None
    assert here is not None
    assert all(abs(int(a) - int(b)) <= 1 for a, b in zip(there.groups(), here.groups(), strict=True))
    expect(page.locator("[data-zoom]")).to_have_text("Zoom 294 %")
    assert page.evaluate("window.scrollY") == 0

    page.keyboard.press("1")
    still = read_canvas(page)
    drag(page, 30, -20)
    moved = read_canvas(page)
    assert np.array_equal(moved[50:-50, 80:-50], np.roll(still, (-20, 30), (0, 1))[50:-50, 80:-50])
    page.locator("[data-stage]").dblclick()
    expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-stage]").dblclick()
    expect(page.locator("[data-zoom]")).to_have_text("Zoom 100 %")


def test_every_control_has_a_key(page: Page, viewing: Any) -> None:
    viewing({"film.dcm": dicom_bytes(SPEC)})
    stage = page.locator("[data-stage]")
    for _ in range(60):
        page.keyboard.press("Tab")
        if stage.evaluate("stage => stage === document.activeElement"):
            break
    expect(stage).to_be_focused()
    page.keyboard.press("1")
    still = read_canvas(page)
    page.keyboard.press("ArrowRight")
    assert np.array_equal(read_canvas(page)[60:-60, 60:-60], np.roll(still, -48, 1)[60:-60, 60:-60])
    page.keyboard.press("Shift+ArrowRight")
    span = int(FILM.max() - FILM.min())
    expect(page.locator("[data-levels]")).to_have_text(f"W {round(4096 + 24 * span / DRAG_SPAN)}  L 2048")
    page.keyboard.press("+")
    expect(page.locator("[data-zoom]")).to_have_text("Zoom 125 %")
    page.keyboard.press("-")
    page.keyboard.press("w")
    expect(page.get_by_role("button", name="Window", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys and mouse")).to_be_visible()
    page.keyboard.press("i")  # goes to the dialog and not to the film
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys and mouse")).to_be_hidden()
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "false")
    button = page.get_by_role("button", name="Rotate")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-zoom]")).to_have_text("Zoom 100 %")
    turned = read_canvas(page)
    assert not np.array_equal(turned, still)


def test_single_keys_can_be_turned_off(page: Page, viewing: Any) -> None:
    addresses = viewing({"first.png": png_bytes(SPEC8), "second.png": png_bytes(PhantomSpec(256, 256, seed=9))})
    invert = page.get_by_role("button", name="Invert")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts work on the whole page").uncheck()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("i")
    page.keyboard.press("j")
    expect(invert).to_have_attribute("aria-pressed", "false")
    page.locator("[data-stage]").focus()
    page.keyboard.press("i")
    expect(invert).to_have_attribute("aria-pressed", "true")
    open_film(page, addresses[0])  # the choice is stored
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()


SPEC8 = PhantomSpec(256, 256, seed=8)


def test_heatmap_and_its_opacity(page: Page, viewing: Any) -> None:
    viewing({"film.png": png_bytes(PhantomSpec(256, 256, seed=2, opacities=3))})
    colour = """() => { const c = document.querySelector("[data-canvas]");
      const p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let sum = 0;
      for (let i = 0; i < p.length; i += 4) sum += Math.abs(p[i] - p[i + 2]); return sum; }"""
    wait_for_frame(page)
    assert page.evaluate(colour) == 0
    expect(page.get_by_label("Opacity of the heatmap")).to_be_hidden()
    with page.expect_response(re.compile(r"map\.png$")):
        page.keyboard.press("h")
    expect(page.get_by_role("button", name="Heatmap")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"({colour})() > 0")
    slider, sums = page.get_by_label("Opacity of the heatmap"), []
    for opacity in ("20", "60", "100"):
        slider.fill(opacity)
        wait_for_frame(page)
        sums.append(page.evaluate(colour))
    assert sums[0] * 2 < sums[1] < sums[2]
    page.keyboard.press("h")
    wait_for_frame(page)
    assert page.evaluate(colour) == 0


def test_the_picture_is_shown_while_the_values_load(page: Page, viewing: Any) -> None:
    (address,) = viewing({"film.dcm": dicom_bytes(SPEC)}, opened=False)
    waited = 0

    def delay_answer(route: Route) -> None:
        nonlocal waited
        waited += 1
        if waited <= 2:
            route.fulfill(status=202, json={"state": "rendering"})
        else:
            route.continue_()

    page.route("**/pixels", delay_answer)
    page.goto(address)
    expect(page.locator("[data-status]")).to_have_text("Full depth is loading …")
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "still")
    page.keyboard.press("1")
    shown = read_film(page, *FILM.shape)
    assert abs(shown - windowed(FILM, 2048, 4096)).mean() < 3  # a JPEG with stretched grey levels
    drag(page, -200, 0, "right")
    expect(page.locator("[data-viewer]")).to_have_attribute("data-state", "full", timeout=SCREENING)
    expect(page.get_by_label("Window preset")).to_have_value("")  # the user's window is kept
    assert read_film(page, *FILM.shape).std() > shown.std()
    assert waited >= 3


@pytest.mark.browser_errors("status of 422")
def test_a_refusal_is_shown_and_the_picture_stays(page: Page, viewing: Any) -> None:
    (address,) = viewing({"film.png": png_bytes(SPEC8)}, opened=False)
    refusal = {"code": "took_too_long", "detail": "Rendering this film takes longer than it may."}
    page.route("**/pixels", lambda route: route.fulfill(status=422, json=refusal))
    page.goto(address)
    expect(page.locator("[data-status]")).to_have_text(f"Full depth is not available: {refusal['detail']}")
    page.keyboard.press("i")
    assert read_canvas(page).max() > 0


def test_touch_zooms_and_moves(new_window: NewWindow, live_stack: LiveStack) -> None:
    phone = new_window(PHONE, has_touch=True, is_mobile=True)
    create_and_sign_in(phone, live_stack, "fingers")
    open_film(phone, screen_films(phone, {"film.dcm": dicom_bytes(SPEC)})[0])
    x, y = middle_of_stage(phone)
    session = phone.context.new_cdp_session(phone)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        points_of_event = [{"x": left, "y": top, "id": number} for number, (left, top) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points_of_event})

    before = zoom_of(phone)
    touch("touchStart", (x - 30, y), (x + 30, y))
    touch("touchMove", (x - 60, y), (x + 60, y))
    touch("touchMove", (x - 90, y), (x + 90, y))
    touch("touchEnd")
    assert zoom_of(phone) == pytest.approx(3 * before, rel=0.02)
    still = read_canvas(phone)
    touch("touchStart", (x, y))
    touch("touchMove", (x, y + 20))
    touch("touchMove", (x, y + 40))
    touch("touchEnd")
    assert not np.array_equal(read_canvas(phone), still)
    assert phone.evaluate("window.scrollY") == 0
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.close()


def zoom_of(page: Page) -> float:
    wait_for_frame(page)
    return float(re.sub(r"[^\d.]", "", page.locator("[data-zoom]").inner_text()))


def test_keys_lead_through_the_list_of_films(page: Page, viewing: Any) -> None:
    names = ("c.png", "a.png", "b.png")
    viewing({name: png_bytes(PhantomSpec(256, 256, seed=20 + at)) for at, name in enumerate(names)}, opened=False)
    page.get_by_role("link", name="Name", exact=True).click()
    page.locator(".film-tile a").first.click()
    for name, place in (("a.png", "1 of 3"), ("b.png", "2 of 3"), ("c.png", "3 of 3")):
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.locator(".film-page__position")).to_have_text(place)
        page.wait_for_load_state()  # the scripts have run by then
        page.keyboard.press("j")
    page.keyboard.press("[")
    expect(page.get_by_role("heading", level=1)).to_have_text("b.png")
    page.wait_for_load_state()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("a.png")


def test_predictive_values_follow_the_typed_prevalence(page: Page, viewing: Any) -> None:
    viewing({"film.png": png_bytes(SPEC8)})
    figures = json.loads(page.locator("#operating-point-performance").text_content() or "")
    measured = AtOperatingPoints(
        low=SensitivitySpecificity(**figures["low"]), high=SensitivitySpecificity(**figures["high"])
    )
    for percent in ("0.5", "33", "90"):
        page.locator("[data-prevalence]").fill(percent)
        expected = predictive_values_at(measured, float(percent) / 100)
        assert expected.ppv is not None
        assert expected.npv is not None
        expect(page.locator("[data-ppv]")).to_have_text(f"{100 * expected.ppv:.1f}".removesuffix(".0"))
        expect(page.locator("[data-npv]")).to_have_text(f"{100 * expected.npv:.1f}".removesuffix(".0"))


def test_the_picture_is_shown_without_javascript(page: Page, viewing: Any, new_window: NewWindow) -> None:
    (address,) = viewing({"film.png": png_bytes(SPEC8)})
    plain = new_window(java_script_enabled=False, storage_state=page.context.storage_state())
    plain.goto(address)
    picture = plain.get_by_role("img", name="The film film.png")
    expect(picture).to_be_visible()
    expect(plain.get_by_role("group", name="Viewer tools")).to_be_hidden()
    plain.get_by_text("Show the heatmap").click()
    expect(plain.locator("img.viewer__still--heatmap")).to_be_visible()
    plain.locator("#prevalence").fill("50")
    plain.get_by_role("button", name="Show", exact=True).click()
    expect(plain.locator("#prevalence")).to_have_value("50")
    plain.context.close()
