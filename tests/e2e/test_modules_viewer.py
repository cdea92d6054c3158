"""The viewer's pure modules in the browser: windows, pixel values, the choice of a window, and the viewport."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.modules import blank_page, call, run_script

pytestmark = pytest.mark.e2e

WINDOW = "viewer/window-level.js"
PIXELS = "viewer/pixel-values.js"
CHOICE = "viewer/window-choice.js"
VIEWPORT = "viewer/viewport.js"
# Builds the values of a film from a dictionary: codes, width, bytes of a code, and what the server's header says.
MAKE_VALUES = """
  const makeValues = async ({ codes, width, bytes = 1, curve = null, ...header }) => {
    const { PixelValues } = await import("http://localhost/viewer/pixel-values.js");
    const typed = bytes === 2 ? new Uint16Array(codes) : new Uint8Array(codes);
    const description = { ...header, curve: curve && new Uint8Array(curve) };
    return new PixelValues(typed, width, codes.length / width, description, true);
  };
"""
RAMP = {"codes": list(range(256)), "width": 16}


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with blank_page(browser) as page:
        yield page


@pytest.mark.parametrize(
    ("centre", "width", "exact", "edges"),
    [
        (2048, 4096, False, [0, 4095]),
        (2048, 4096, True, [0, 4096]),
        (100, 1, False, [99.5, 99.5]),
        (100, 1, True, [99.5, 100.5]),
        (-600, 1500, False, [-1350, 149]),
        (32_768, 65_536, False, [0, 65_535]),
    ],
)
def test_edges_of_a_window_and_back(
    blank: Page, centre: float, width: float, exact: bool, edges: list[float]
) -> None:
    window = {"centre": centre, "width": width}
    assert call(blank, WINDOW, "windowEdges", window, exact) == edges
    assert call(blank, WINDOW, "windowBetween", *edges, exact) == window


def grey_levels(
    page: Page, film: dict[str, Any], window: Mapping[str, float] | None, *, inverted: bool = False
) -> list[int]:
    """Return the grey level of every code from the table of colours; each colour must be opaque and grey."""
    script = f"""{MAKE_VALUES}
      return Array.from(m.colourTable(await makeValues(argument[0]), argument[1], argument[2]));"""
    table = np.array(run_script(page, WINDOW, script, [film, window, inverted]), dtype=np.uint32)
    channels = table.view(np.uint8).reshape(-1, 4)
    assert (channels[:, 3] == 255).all()
    assert (channels[:, 0] == channels[:, 1]).all()
    assert (channels[:, 0] == channels[:, 2]).all()
    return [int(level) for level in channels[:, 0]]


FULL = {"centre": 128, "width": 256}


@pytest.mark.parametrize(
    ("header", "inverted", "expected"),
    [
        ({}, False, list(range(256))),
        ({}, True, list(range(255, -1, -1))),
        ({"inverted": True}, False, list(range(255, -1, -1))),
        ({"inverted": True}, True, list(range(256))),
        ({"padding": 255}, False, [*range(255), 0]),
        ({"padding": 0}, True, [0, *range(254, -1, -1)]),
    ],
)
def test_the_full_window_of_8_bits_changes_nothing(
    blank: Page, header: dict[str, Any], inverted: bool, expected: list[int]
) -> None:
    assert grey_levels(blank, {**RAMP, **header}, FULL, inverted=inverted) == expected


@pytest.mark.parametrize("exact", [False, True])
def test_a_window_of_width_1_is_a_threshold(blank: Page, exact: bool) -> None:
    levels = grey_levels(blank, {**RAMP, "exact": exact}, {"centre": 100, "width": 1})
    assert levels[:100] == [0] * 100
    assert levels[101:] == [255] * 155
    assert levels[100] == (128 if exact else 255)  # LINEAR_EXACT is a ramp of one unit, LINEAR a step


def test_a_window_of_16_bits_in_the_films_own_units(blank: Page) -> None:
    film = {"codes": [0, 1, 1000, 65_535], "width": 2, "bytes": 2, "slope": 0.5, "intercept": -100}
    levels = np.array(grey_levels(blank, film, {"centre": 500, "width": 801}))
    values = np.arange(1 << 16) * 0.5 - 100
    expected = np.floor(((values - 99.5) / 800).clip(0, 1) * 255 + 0.5)
    assert len(levels) == 1 << 16
    assert np.array_equal(levels, expected)


def test_a_negative_slope_makes_high_codes_dark(blank: Page) -> None:
    film = {**RAMP, "slope": -1, "intercept": 255}
    assert grey_levels(blank, film, FULL) == list(range(255, -1, -1))


def test_a_films_own_curve(blank: Page) -> None:
    """Codes beyond its end get its last level."""
    levels = grey_levels(blank, {**RAMP, "curve": [9, 7, 5]}, None)
    assert levels == [9, 7, *[5] * 254]


def presets(page: Page, film: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = run_script(
        page, WINDOW, f"{MAKE_VALUES} return m.listPresets(await makeValues(argument));", film
    )
    return listed


def test_presets_of_a_header(blank: Page) -> None:
    sent = [
        {"centre": 40, "width": 80, "name": "SOFT"},
        {"centre": 60, "width": 90, "name": ""},
        {"centre": 1, "width": 2},
    ]
    listed = presets(blank, {**RAMP, "windows": sent, "curve": [1, 2]})
    names = [preset["name"] for preset in listed]
    assert names[:5] == ["As sent, its own curve", "As sent: SOFT", "As sent (2)", "As sent (3)", "Full range"]
    assert [preset["key"] for preset in listed] == [
        "curve", "sent-0", "sent-1", "sent-2", "full", "auto", "lung", "bone",
    ]  # fmt: skip
    assert listed[0]["window"] is None
    assert listed[1]["window"] == {"centre": 40, "width": 80}


def test_presets_of_the_tones(blank: Page) -> None:
    """Each code occurs once; the lowest and the highest do not count."""
    windows = {preset["key"]: preset["window"] for preset in presets(blank, RAMP)}
    assert windows["full"] == FULL
    edges = {key: call(blank, WINDOW, "windowEdges", window, False) for key, window in windows.items()}
    assert edges["lung"] == [3, 178]
    assert edges["bone"] == [77, 254]
    inverted = {preset["key"]: preset["window"] for preset in presets(blank, {**RAMP, "inverted": True})}
    assert call(blank, WINDOW, "windowEdges", inverted["lung"], False) == [77, 252]


@pytest.mark.parametrize("code", [0, 255])
def test_a_film_of_one_value_has_windows_all_the_same(blank: Page, code: int) -> None:
    for preset in presets(blank, {"codes": [code] * 4, "width": 2}):
        assert preset["window"]["width"] >= 1


@pytest.mark.parametrize(("bytes_", "kind"), [(1, "B"), (2, "H")])
def test_the_servers_answer_is_unpacked(blank: Page, bytes_: int, kind: str) -> None:
    header = {"width": 3, "height": 2, "sample_bytes": bytes_, "curve": 4, "slope": 2, "intercept": -1, "bits": 7}
    text = json.dumps(header).encode()
    text += b" " * (len(text) % 2)  # so that codes of two bytes are aligned, as the server does
    packed = struct.pack("<I", len(text)) + text + struct.pack(f"<6{kind}", *range(1, 7)) + bytes([9, 8, 7, 6])
    script = """
      const values = m.PixelValues.unpack(new Uint8Array(argument).buffer);
      return [values.width, values.height, values.codeBits, values.bits, Array.from(values.levels[0].codes),
        Array.from(values.curve), values.toValue(3), values.isFullDepth, values.lowest, values.highest];"""
    assert run_script(blank, PIXELS, script, list(packed)) == [
        3, 2, 8 * bytes_, 7, [1, 2, 3, 4, 5, 6], [9, 8, 7, 6], 5, True, 1, 6,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [(0, 0, 10), (3.9, 1.9, 11), (4, 0, None), (0, 4, None), (-0.1, 0, None), (0, 2, None), (2, 2, 13)],
)
def test_the_code_of_a_pixel(blank: Page, x: float, y: float, code: int | None) -> None:
    """Values at half the film's size, one of them padding."""
    film = {"codes": [10, 11, 0, 13], "width": 2, "padding": 0, "scale": 2}
    script = f"{MAKE_VALUES} return (await makeValues(argument[0])).codeAt(argument[1], argument[2]);"
    assert run_script(blank, PIXELS, script, [film, x, y]) == code


@pytest.mark.parametrize(
    ("codes", "width", "padding", "bytes_", "halved"),
    [
        ([1, 2, 3, 4], 2, None, 1, [3]),
        ([255, 255, 255, 255], 2, None, 1, [255]),
        ([65_535] * 4, 2, None, 2, [65_535]),
        ([0, 0, 0, 8], 2, 0, 1, [8]),
        ([0, 0, 0, 0], 2, 0, 1, [0]),
        ([5], 1, None, 1, [5]),
        ([4, 8], 1, None, 1, [6]),
        ([1, 3, 9, 5, 7, 9, 0, 0, 0], 3, None, 1, [4]),
    ],
)
def test_copies_at_half_the_size(
    blank: Page, codes: list[int], width: int, padding: int | None, bytes_: int, halved: list[int]
) -> None:
    film = {"codes": codes, "width": width, "padding": padding, "bytes": bytes_}
    script = f"{MAKE_VALUES} return Array.from((await makeValues(argument)).level(1).codes);"
    assert run_script(blank, PIXELS, script, film) == halved


def test_the_presets_are_stepped_through_in_a_circle(blank: Page) -> None:
    script = f"""{MAKE_VALUES}
      const choice = new m.WindowChoice();
      choice.setValues(await makeValues(argument));
      const keys = [choice.presetKey];
      for (const step of [1, 1, 1, 1, -1]) {{ choice.stepPreset(step); keys.push(choice.presetKey); }}
      choice.dragWindow(1, 0);
      keys.push(choice.presetKey);
      choice.stepPreset(1);
      keys.push(choice.presetKey, choice.choosePreset("curve"));
      return keys;"""
    keys = run_script(blank, CHOICE, script, RAMP)
    assert keys == ["full", "auto", "lung", "bone", "full", "bone", "", "full", False]


@pytest.mark.parametrize(
    ("across", "down", "window"),
    [
        (0, 0, {"centre": 128, "width": 256}),
        (60, 0, {"centre": 128, "width": 281.5}),
        (0, -600, {"centre": -127, "width": 256}),
        (-10_000, 0, {"centre": 128, "width": 1}),
        (10_000, 0, {"centre": 128, "width": 1020}),
    ],
)
def test_a_drag_changes_the_window_within_limits(
    blank: Page, across: float, down: float, window: dict[str, float]
) -> None:
    """600 CSS pixels are the film's whole range of 255; the width stays between 1 and four ranges."""
    script = f"""{MAKE_VALUES}
      const choice = new m.WindowChoice();
      choice.setValues(await makeValues(argument[0]));
      choice.dragWindow(argument[1], argument[2]);
      return choice.window;"""
    assert run_script(blank, CHOICE, script, [RAMP, across, down]) == window


@pytest.mark.parametrize(
    ("prepare", "key", "window"),
    [
        ("", "sent-0", {"centre": 2048, "width": 4096}),
        ("choice.choosePreset('auto'); choice.choosePreset('full');", "sent-0", {"centre": 2048, "width": 4096}),
        ("choice.choosePreset('bone');", "bone", None),
        ("choice.dragWindow(0, 60);", "", {"centre": 2457.5, "width": 4096}),
    ],
)
def test_the_choice_stays_when_the_films_own_values_arrive(
    blank: Page, prepare: str, key: str, window: dict[str, float] | None
) -> None:
    """From a picture of 8 bits to values of 12 bits; the default is no choice, and an own window keeps its place."""
    full = {"codes": [0, 1000, 2000, 4095], "width": 2, "bytes": 2, "windows": [{"centre": 2048, "width": 4096}]}
    script = f"""{MAKE_VALUES}
      const choice = new m.WindowChoice();
      choice.setValues(await makeValues(argument[0]));
      {prepare}
      choice.setValues(await makeValues(argument[1]));
      return [choice.presetKey, choice.window];"""
    found_key, found = run_script(blank, CHOICE, script, [RAMP, full])
    assert found_key == key
    if window is not None:
        assert found == pytest.approx(window)


def on_viewport(page: Page, script: str) -> Any:
    """Run a script with a film of 200 by 100 pixels on a stage of 400 by 400."""
    return run_script(
        page,
        VIEWPORT,
        f"const view = new m.Viewport(); view.setStageSize(400, 400); view.setFilmSize(200, 100); {script}",
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("return [view.zoom, view.x, view.y, view.isFitted]", [2, 100, 50, True]),
        ("view.turn(1); return [view.zoom, view.turns, view.isFitted]", [2, 1, True]),
        ("for (let n = 0; n < 4; n += 1) view.turn(-1); return view.turns", 0),
        ("view.setStageSize(100, 400); return view.zoom", 0.5),
        ("view.zoomAt(200, 200, 1); view.setStageSize(100, 400); return [view.zoom, view.isFitted]", [1, False]),
        ("view.zoomAt(0, 0, 1e9); return view.zoom", 16),
        ("view.zoomAt(0, 0, 0); return view.zoom", 0.5),
        ("view.zoomAt(200, 200, 1); view.pan(30, -20); return [view.x, view.y]", [70, 70]),
        ("view.zoomAt(200, 200, 1); view.turn(1); view.pan(30, -20); return [view.x, view.y]", [120, 80]),
        ("view.pan(-1e9, 1e9); return [view.x, view.y]", [200, 0]),
        ("view.zoomAt(200, 200, 1); view.setFilmSize(400, 200); return [view.x, view.y, view.zoom]", [200, 100, 1]),
        ("return view.toFilm(0, 100)", [0, 0]),
        ("view.turn(1); return view.toFilm(300, 0)", [0, 0]),
        ("return view.visiblePart", [0, 0, 200, 100]),
        ("view.zoomAt(200, 200, 8); return view.visiblePart", [75, 25, 125, 75]),
        ("view.zoomAt(200, 200, 1); return view.matrix", [1, 0, 0, 1, 100, 150]),
        ("view.zoomAt(200, 200, 1); view.turn(2); return view.matrix", [-1, 0, 0, -1, 300, 250]),
        ("view.zoomAt(9, 9, 3); view.reset(); return [view.zoom, view.turns, view.isFitted]", [2, 0, True]),
    ],
)
def test_the_film_on_the_stage(blank: Page, script: str, expected: object) -> None:
    found = on_viewport(blank, script)
    assert found == (pytest.approx(expected) if not isinstance(expected, bool) else expected)


@pytest.mark.parametrize("turns", range(4))
def test_zooming_keeps_the_point_under_the_pointer(blank: Page, turns: int) -> None:
    script = f"""
      for (let turn = 0; turn < {turns}; turn += 1) view.turn(1);
      const before = view.toFilm(230, 170);
      view.zoomAt(230, 170, 5);
      return [...before, ...view.toFilm(230, 170)];"""
    x, y, new_x, new_y = on_viewport(blank, script)
    assert (new_x, new_y) == pytest.approx((x, y))
