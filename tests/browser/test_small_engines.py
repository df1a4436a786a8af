"""The small engines of pages 05, 11 and 12 against the package, and their views: from disk, with the network cut."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import build_site
import numpy as np
import pytest
import torch
from lab import chromium, journeys
from playwright.sync_api import BrowserContext, Page, expect
from site_pages import live_section
from site_report import AXE, SMALLEST, open_page, scripted, violations

from ssl_explain.lessons.byol_solved import experiment as byol
from ssl_explain.lessons.byol_solved import modes, modes_explorer
from ssl_explain.lessons.collapse_and_grassmannian import experiment as grassmann
from ssl_explain.lessons.collapse_and_grassmannian import grassmann_explorer
from ssl_explain.lessons.selectivity_amplification import experiment as selective
from ssl_explain.lessons.selectivity_amplification import ring_explorer
from ssl_explain.records import Views
from ssl_explain.subspaces import principal_angles
from ssl_explain.worlds.ring import Ring

ASSETS = Path(__file__).resolve().parents[2] / "tools" / "site_assets"
FILES = ("ring.js", "plane.js", "grassmann.js")
RING = """({start, cells, q, linear, pairs, tau, steps}) => {
    const points = RingEngine.world(cells, q), weights = start.map(w => Float64Array.from(w));
    const update = w => RingEngine.expectedUpdate(w, points, linear);
    const kept = RingEngine.follow(weights, update, {steps, stepSize: 1, every: steps / 2});
    const f = kept.at(-1).map(w => RingEngine.responses(w, points, linear));
    const told = [f, f.map(RingEngine.selectivity), f.map(RingEngine.objectShare)];
    const dead = weights.map(w => RingEngine.dead(w, points, linear));
    const batch = RingEngine.sampledUpdate(weights, pairs, linear, tau);
    return [...told, kept.map(list => list.map(w => [...w])), batch.map(w => [...w])].concat([dead]);
}"""
PLANE = """({p, s, rates, columns, w, predictor, data, h}) => {
    const fixed = PlaneEngine.fixedPoints(rates.noise, rates.eta);
    const flow = PlaneEngine.flow(p, s, rates, {h, every: Math.round(1 / h), count: 12});
    const trained = PlaneEngine.train(w, predictor, data, rates, {rate: 0.1, steps: 60, every: 20});
    const edge = PlaneEngine.boundary(columns, rates).map(x => x === Infinity ? 1e9 : x);
    return [fixed, flow, edge, trained.map(({W}) => W), trained.map(({P}) => P),
        trained.map(one => PlaneEngine.modes(one, rates.alpha))];
}"""
GRASSMANN = """({values, theta, times, stepSize, orthonormal}) => {
    const steps = GrassmannEngine.takeSteps(values, theta, {stepSize, steps: 40, orthonormal, every: 10});
    const closed = GrassmannEngine.spanFlow(values, theta, times);
    const free = GrassmannEngine.freeFlow(values, theta, times);
    const top = theta.map((_, k) => values.map((_v, i) => i === k ? 1 : 0));
    return [steps, closed, free, free.map(GrassmannEngine.singularValues),
        closed.map(q => GrassmannEngine.principalAngles(q, top)), free.map(GrassmannEngine.participation)];
}"""
MISTAKES = {
    "the other object": ("ring.js", "[0, object + 1]", "[0, 2 - object]"),
    "a gate that stays open": ("ring.js", "if (linear || w[a] + w[b] > 0) {", "if (true) {"),
    "a negative that is its own positive": ("ring.js", "(i + 1) % n", "i"),
    "a length that is free": ("ring.js", "x / Math.hypot(...w)", "x"),
    "no decay of the predictor": ("plane.js", "alpha * w * error - eta * p", "alpha * w * error"),
    "noise that is forgotten": ("plane.js", "- (1 + noise) * p * w", "- p * w"),
    "a target that follows at once": ("plane.js", "Math.exp(-rates.beta * rate)", "0"),
    "half of the span": ("grassmann.js", "if (orthonormal) moved =", "if (false) moved ="),
    "a slow column": ("grassmann.js", "Math.exp(v * t)", "Math.exp(v * t * (v < 0.3))"),
    "cosines alone": ("grassmann.js", "c > 0.7", "false"),
}


pytestmark = journeys("THE SMALL ENGINES WERE NOT TRIED")


def opened(context: BrowserContext, folder: Path, mistake: tuple[str, str, str] | None = None) -> Page:
    """A page with the engines inside; ``mistake`` is planted in one file."""
    scripts = {name: (ASSETS / name).read_text(encoding="utf-8") for name in FILES}
    return scripted(context, folder / "engines.html", scripts, mistake)


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture(scope="module")
def page(context, tmp_path_factory) -> Page:
    return opened(context, tmp_path_factory.mktemp("engines"))


def furthest(found: Any, expected: Any) -> float:
    """The largest difference between two lists of arrays; infinite for NaN."""
    gaps = [
        np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).max()
        for a, b in zip(found, expected, strict=True)
    ]
    return max(float(gap) if np.isfinite(gap) else np.inf for gap in gaps)


def ring_gap(page: Page, cells: int, q: float, linear: bool, tau: float | None, steps: int = 60) -> float:
    world, g = Ring(cells, dtype=torch.float64), torch.Generator().manual_seed(cells)
    start = selective.ring_neurons(cells, 5, generator=g, linear=linear).weights[0].detach()[0]
    views = world.enumerate(q).x
    batch = world.draw(9, views=2, strength=q, generator=g).x
    drawn = SimpleNamespace(draw=lambda *_, **__: Views(batch))
    pairs = [[view.nonzero().flatten().tolist() for view in pair] for pair in batch]
    given = {
        "start": start.tolist(),
        "cells": cells,
        "q": q,
        "linear": linear,
        "pairs": pairs,
        "tau": tau,
        "steps": steps,
    }
    *found, dead = page.evaluate(RING, given)
    update = selective.expected_update(views, linear=linear)
    kept = selective.follow(start, update, steps=steps, step_size=1.0, every=steps // 2)
    f = selective.responses(kept[-1], views, linear=linear)
    sampled = selective.sampled_update(drawn, q, 9, generator=g, tau=tau, linear=linear)(start)
    assert dead == selective.dead(start, views, linear=linear).tolist()
    expected = [f.flatten(0, 1).T, selective.selectivity(f), selective.identity_share(f), kept, sampled]
    return furthest(found, expected)


def plane_gap(page: Page, noise: float, eta: float, alpha: float, beta: float | None) -> float:
    rates, p, s = byol.Rates(alpha, eta, beta), 0.3, 0.5
    data = byol.Spread(torch.diag(torch.tensor([1.6, 0.7, 0.9])).double(), noise * torch.eye(3).double())
    w = torch.tensor([[0.7, 0.1, 0.0], [0.2, 0.5, -0.3]], dtype=torch.float64)
    predictor, columns = torch.tensor([[0.3, 0.4], [-0.2, 0.6]], dtype=torch.float64), torch.linspace(-0.3, 1.2, 7)
    given = {
        "p": p, "s": s, "w": w.tolist(), "predictor": predictor.tolist(), "columns": columns.double().tolist(),
        "h": 0.005, "rates": {"noise": noise, "alpha": alpha, "eta": eta, "beta": beta},
        "data": {"between": data.between.tolist(), "total": (data.between + data.within).tolist()},
    }  # fmt: skip
    found = page.evaluate(PLANE, given)
    start, times = (torch.tensor([x], dtype=torch.float64) for x in (p, s)), torch.arange(13.0).double()
    flow = modes.mode_flow(*start, noise=noise, rates=rates, times=times)
    edge = modes.basin_boundary(columns.double(), noise=noise, rates=rates)
    run = byol.matrix_training(w, predictor, spread=data, rates=rates, learning_rate=0.1, steps=60, every=20)
    told = modes.modes_of(run, torch.eye(2, dtype=torch.float64))
    offset = byol.invariant(run, alpha).diagonal(dim1=-2, dim2=-1)
    path = torch.cat([flow.predictor, flow.size, flow.target], 1)
    seen = torch.stack([told.predictor, told.size, offset], -1)
    expected = [modes.fixed_points(noise, eta), path, edge.clamp_max(1e9), run.weights, run.predictor, seen]
    return furthest([found[0] or [0], *found[1:]], [expected[0] or [0], *expected[1:]])


def grassmann_gap(page: Page, values: list[float], k: int, orthonormal: bool) -> float:
    draw = torch.randn(len(values), k, generator=torch.Generator().manual_seed(k), dtype=torch.float64)
    theta, c, times = (
        grassmann.orthonormalise(draw),
        torch.diag(torch.tensor(values, dtype=torch.float64)),
        [0.5, 2.0, 9.0],
    )
    given = {"values": values, "theta": theta.T.tolist(), "times": times, "stepSize": 0.1, "orthonormal": orthonormal}
    found = page.evaluate(GRASSMANN, given)
    steps = grassmann.take_steps(c, theta, step_size=0.1, steps=40, orthonormal=orthonormal, every=10)
    at = torch.tensor(times, dtype=torch.float64)
    closed, free = grassmann.span_flow(c, theta, at), grassmann.free_flow(c, theta, at)
    sizes, top = torch.linalg.svdvals(free), torch.eye(len(values), dtype=torch.float64)[:, :k]
    ratio = sizes.square().sum(-1).square() / sizes.pow(4).sum(-1)
    sign = torch.einsum("tdk,tdk->tk", closed, torch.tensor(found[1]).double().mT).sign()  # QR of a growing basis
    expected = [steps.mT, (closed * sign[:, None]).mT, free.mT, sizes, principal_angles(closed, top), ratio]
    return furthest([np.array(x) / scale for x, scale in zip(found, (1, 1, 1e3, 1e3, 1, 1), strict=True)],
                    [x / scale for x, scale in zip(expected, (1, 1, 1e3, 1e3, 1, 1), strict=True)])  # fmt: skip


RINGS = [(10, 1.0, False, None), (7, 0.375, False, 0.1), (12, 0.5, True, 0.1), (9, 0.0, False, None)]
PLANES = [(0.0, 0.1, 1.0, None), (0.25, 0.05, 0.7, 0.3), (0.5, 0.3, 2.0, None)]
SPECTRA = [([1.0, 0.8, 0.6, 0.4, 0.2, 0.0], 3, False), ([1.0, 1.0, 0.6, 0.4], 2, True), ([-0.2, -0.5, -1.0], 2, True)]


def test_neurons_on_the_ring_are_those_of_the_package(page):
    assert max(ring_gap(page, *case) for case in RINGS) < 1e-9


def test_modes_of_byol_are_those_of_the_package(page):
    assert max(plane_gap(page, *case) for case in PLANES) < 1e-9


def test_columns_are_those_of_the_package(page):
    assert max(grassmann_gap(page, *case) for case in SPECTRA) < 1e-9


@pytest.mark.stress
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(context, tmp_path, mistake):
    page = opened(context, tmp_path, MISTAKES[mistake])
    ring, plane, columns = (
        max(gap(page, *case) for case in cases)
        for gap, cases in ((ring_gap, RINGS), (plane_gap, PLANES), (grassmann_gap, SPECTRA))
    )
    assert max(ring, plane, columns) > 1e-9
    page.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """A page with the three views."""
    explorers = enumerate((ring_explorer(), modes_explorer(), grassmann_explorer()), 1)
    body = "<h1>Live</h1>" + "".join(live_section(number, explorer) for number, explorer in explorers)
    file = tmp_path_factory.mktemp("live") / "live.html"
    views = ["ring", "plane", "grassmann"]
    file.write_text(build_site.page("Live", body, [("Contents", "index.html")], views), encoding="utf-8")
    return file


def test_a_link_a_drag_and_play_move_the_views(context, path):
    page, wrong = open_page(context, path)
    ring, plane, columns = page.locator(".live").all()
    said = [view.locator(".words").inner_text() for view in (ring, plane, columns)]
    page.evaluate("location.hash = '#explorer=2&eta=0.2&p=7&bad=1'")
    expect(plane.locator(".said")).to_contain_text("start p: 7 became 1.1; this page knows no setting called bad")
    expect(plane.locator(".words")).to_contain_text("A start at p = 1.10, w² = 0.50 survives. Weight decay η = 0.20")
    assert [ring.locator(".words").inner_text(), columns.locator(".words").inner_text()] == [said[0], said[2]]
    handle, box = plane.locator(".handle").bounding_box(), plane.locator(".plane svg").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + box["height"] - 45, steps=4)
    page.mouse.up()
    expect(plane.locator(".words")).to_contain_text("dies")
    page.wait_for_url("**#v=1&explorer=2&eta=0.2&p=*&w2=*")
    play = columns.locator(".play")
    play.click()
    page.wait_for_function(
        "time => time.value > 1 && time.value < 90", arg=columns.locator("[data-setting=time]").element_handle()
    )
    play.click()
    expect(play).to_have_text("Go on")
    expect(columns.locator(".words")).not_to_have_text(said[2])
    ring.get_by_role("button", name="linear, any shift").click()
    expect(ring.locator(".words")).to_contain_text("None learns anything")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate(SMALLEST) >= 12
    assert wrong == []
    page.close()


def test_two_hundred_clicks_a_resize_and_a_pause_in_the_middle_of_play(context, path):
    page, wrong = open_page(context, path)
    plane = page.locator(".live").nth(1)
    page.evaluate("""() => {
        const compute = Views.plane.compute;
        window.computed = 0;
        Views.plane.compute = (...all) => { window.computed++; return compute(...all) };
        const buttons = document.querySelectorAll('.live[data-view=plane] button');
        for (let k = 0; k < 200; k++) buttons[k % buttons.length].click();
    }""")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.computed") <= 2, "once for a picture, not once for a click"
    plane.get_by_role("button", name="starts too small").click()
    time = plane.locator("[data-setting=time]")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(plane.get_by_role("button", name="Pause")).to_be_visible()
    jump = time.evaluate("""time => new Promise(done => {
        const before = Number(time.value);
        for (const end = performance.now() + 2000; performance.now() < end;);
        requestAnimationFrame(() => requestAnimationFrame(() => done(time.value - before)));
    })""")
    assert 0 <= jump <= 5, "two seconds would be 29 per cent"
    expect(time).not_to_have_value(time.input_value())
    page.set_viewport_size({"width": 1300, "height": 1000})
    assert wrong == []
    page.close()


def test_one_explorer_of_a_page_can_stand_alone(context, path):
    page, wrong = open_page(context, path)
    page.goto("about:blank")
    page.goto(path.resolve().as_uri() + "#only=2&eta=0.2")
    assert [view.is_visible() for view in page.locator(".live").all()] == [False, True, False]
    assert not page.locator("nav, h1, footer").filter(visible=True).count()
    plane = page.locator(".live").nth(1)
    expect(plane.locator(".words")).to_contain_text("η = 0.20")
    plane.get_by_role("button", name="starts too small").click()
    page.wait_for_url("**#v=1&only=2&eta=0.2&p=0.1&w2=0.1")
    assert wrong == []
    page.close()


@pytest.mark.stress
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: see site_report.py")
def test_axe_finds_nothing_serious(context, path, scheme):
    page, _ = open_page(context, path)
    page.emulate_media(color_scheme=scheme)
    for more in page.locator(".more summary").all():
        more.click()
    assert violations(page) == []
    page.close()


@pytest.mark.stress
@pytest.mark.parametrize("view", ["ring", "plane", "grassmann"])
def test_every_setting_draws_without_a_complaint(context, path, view):
    page, wrong = open_page(context, path)
    section = page.locator(f'.live[data-view="{view}"]')
    section.locator(".more summary").click()
    for select in section.locator("select").all():
        for option in select.locator("option").all_text_contents():
            select.select_option(option)
            page.evaluate("() => new Promise(requestAnimationFrame)")
    for slider in section.locator("input").all():
        for key in ("Home", "End"):
            slider.press(key)
            page.evaluate("() => new Promise(requestAnimationFrame)")
    shapes = section.locator("svg").evaluate_all("list => list.map(svg => svg.outerHTML).join('')")
    assert not any(word in shapes for word in ("NaN", "Infinity", "undefined"))
    assert wrong == []
    page.close()
