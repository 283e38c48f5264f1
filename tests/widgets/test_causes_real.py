"""Causes on real runs: exchanges against edits by hand, estimates against small steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, timm_model
from vitlens_widgets.analysis.circuits.runs import CircuitRuns
from vitlens_widgets.analysis.circuits.writing import mean_written
from vitlens_widgets.widgets.causes.places import Spot
from vitlens_widgets.widgets.causes.source import PairSource

MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "registers": lambda: timm_model("four registers and layer scale"),
    "transformers": hf_model,
}


def pixels_of(vit, n=1):
    return [pixels_for(vit.image_size, n, seed=seed) for seed in (1, 2)]


def traces(name="CLS", n=1):
    vit = vl.load(MODELS[name]())
    return [vit.trace(one, preprocessed=True) for one in pixels_of(vit, n)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("direction", ["noising", "denoising"])
def test_exchanges_are_those_of_edits(name, direction):
    clean, corrupted = traces(name)
    base, other = (clean, corrupted) if direction == "noising" else (corrupted, clean)
    layer, token = 1, int(clean.tokens[-2])
    replace = vl.edits.Replace
    sets = {
        (Spot("head", layer, 1),): [replace("z", layer, other, head=1)],
        (Spot("head", layer, 0, "q"),): [replace("q", layer, other, head=0)],
        (Spot("head", layer, 0, "pattern"),): [replace("pattern", layer, other, head=0)],
        (Spot("mlp", layer),): [replace("mlp_out", layer, other)],
        (Spot("tokens", layer, tokens=(token,)),): [
            replace("resid_pre", layer, other, token=token)
        ],
        (Spot("head", 0, 1), Spot("mlp", layer)): [
            replace("z", 0, other, head=1),
            replace("mlp_out", layer, other),
        ],
    }
    found = PairSource(clean, corrupted).exchange([*sets], 0, direction)
    for logits, edits in zip(found, sets.values(), strict=True):
        expected = base.rerun(edits).logits[0].numpy()
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_all_tokens_of_a_state_are_the_other_run(name):
    clean, corrupted = traces(name)
    everything = Spot("tokens", 0, tokens=tuple(map(int, clean.tokens)))
    (logits,) = PairSource(clean, corrupted).exchange([[everything]], 0, "noising")
    np.testing.assert_allclose(logits, corrupted.logits[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("values", ["output", "q", "k", "v", "pattern"])
def test_estimates_are_the_slope_of_a_small_exchange(values):
    clean, corrupted = traces("registers")
    source = PairSource(clean, corrupted)
    parts, tokens = source.estimates(3, 5, 0, "noising", values)
    metric = lambda trace: (trace.logits[0, 3] - trace.logits[0, 5]).double()  # noqa: E731
    site = "z" if values == "output" else values
    step, layer, head = 1e-2, 1, 1

    def slope(edits):
        return float((metric(clean.rerun(edits)) - metric(clean)) / step)

    way = corrupted[site, layer] - clean[site, layer]
    pick = torch.zeros_like(way)
    at = (slice(None), head) if values == "pattern" else (slice(None), slice(None), head)
    pick[at] = step * way[at]
    found = slope([vl.edits.Add(site, layer, pick)])
    assert parts[layer, head] == pytest.approx(found, rel=0.1, abs=2e-3)
    change = torch.zeros_like(clean.states[1])
    change[:, -1] = step * (corrupted.states[1] - clean.states[1])[:, -1]
    found = slope([vl.edits.Add("resid_pre", 1, change)])
    assert tokens[1, -1] == pytest.approx(found, rel=0.1, abs=2e-3)


def test_a_head_reads_what_its_pattern_says():
    clean, corrupted = traces("registers")
    source = PairSource(clean, corrupted)
    for direction, run in (("noising", clean), ("denoising", corrupted)):
        expected = run.attention(1, 0)[0, 0].numpy()  # CLS is what is read
        np.testing.assert_allclose(source.reads(1, 0, 0, direction), expected, rtol=1e-5)


def test_the_deciding_head_of_the_story():
    vit, scene = vl.load("toy/p32"), vl.world.scene(5045, objects=2, classes=["cat", "dog"])
    without = scene.image.copy()
    of_cat = scene.instance_mask == 1 + scene.names.index("cat")
    without[of_cat] = scene.image[scene.instance_mask == 0].mean(0)
    widget = vl.Causes(vit.trace(scene.image), vit.trace(without), exchanged=[("head", 3, 1)])
    assert (widget.target, widget.against) == (vit.labels.index("cat"), vit.labels.index("dog"))
    widget._go_on({}, [])
    together = widget._exchange["together"]
    clean, other = (float(m) for m in (3.0018, -6.5585))
    assert (clean - together["metric"]) / (clean - other) == pytest.approx(0.61, abs=0.01)
    assert vit.labels[together["top"]] == "dog"


def test_what_is_no_pair_is_refused():
    clean, corrupted = traces()
    others = [
        (clean, "corrupted"),
        (clean, traces()[1]),
        (clean, traces(n=2)[1]),
    ]
    for pair in others:
        with refused(vl.UsageError):
            vl.Causes(*pair)
    two = clean.vit.trace(pixels_for(clean.vit.image_size, 2, seed=1), preprocessed=True)
    with refused(vl.UsageError):
        vl.Causes(clean, two)
    mae = vl.load("toy/mae")
    trace = mae.trace(vl.world.scene(1, size=mae.image_size).image)
    with refused(vl.UsageError):
        vl.Causes(trace, trace)
    assert corrupted is not None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("direction", ["noising", "denoising"])
def test_what_the_readout_adds_up_ends_in_the_answer(name, direction):
    clean, corrupted = traces(name)
    run = clean if direction == "noising" else corrupted
    curve, parts = PairSource(clean, corrupted).writes([4, 2], 0, direction)
    beside = parts[..., clean.vit.n_heads :]  # all heads with their bias, and the MLP
    np.testing.assert_allclose(beside.reshape(2, -1), np.diff(curve[:, :-1]), rtol=1e-3, atol=1e-4)
    assert curve.shape == (2, 2 * clean.vit.n_layers + 2)
    np.testing.assert_allclose(curve[:, -1], run.logits[0, [4, 2]].numpy(), rtol=1e-5)
    reading = vl.FrozenNormLens(clean.vit).read(run)  # the same norm; its logits are centred
    at_readout = np.asarray(reading.readout.logit(4))[:, 0]
    steps = np.diff(curve[0, :-1:2])
    np.testing.assert_allclose(steps, np.diff(at_readout), rtol=1e-3, atol=1e-4)


def test_a_run_that_was_changed_in_its_blocks_is_refused_at_once():
    clean, corrupted = traces()
    changed = clean.rerun([vl.edits.Replace("z", 1, corrupted, head=0)])
    for pair in ((changed, corrupted), (corrupted, changed)):
        with refused(vl.UsageError):
            vl.Causes(*pair)
    before = clean.rerun([vl.edits.Replace("resid_pre", 0, corrupted, token=3)])
    assert vl.Causes(before, corrupted)._progress["left"]


NAMED = {0: "q", 1: "k", 2: "v"}


@pytest.mark.parametrize("method", ["threshold", "greedy"])
def test_the_first_edges_are_the_circuit(method):
    vit = vl.load("toy/attn-mlp-4l") if method == "threshold" else vl.load(timm_model("CLS"))
    if method == "threshold":
        scenes = [vl.world.scene(seed, objects=1).image for seed in (3, 8)]
        clean, corrupted = (vit.trace(one) for one in scenes)
    else:
        clean, corrupted = traces()
    widget = vl.Causes(clean, corrupted)
    found = widget.find_circuit(method)
    assert found.finished
    edges = np.frombuffer(widget._circuit_edges, "<i4").reshape(-1, 3)
    assert len(edges) == widget._circuit["n_edges"] == found.graph.n_edges
    size, graph = widget._circuit["size"], found.graph
    names = ["embedding", *graph.senders[1:], "logits"]  # with an MLP, nodes are senders

    def named(edge):
        start, end, port = edge
        return names[start], f"{names[end]} {NAMED[port - 1]}" if port else names[end]

    first = {named(edge) for edge in edges[:size]}
    circuit = {(graph.senders[s], graph.readers[r]) for r, s in np.argwhere(found.edges)}
    assert circuit <= first
    if method == "greedy":
        assert circuit == first
    at = widget._circuit["exact"]["sizes"].index(size)
    assert widget._circuit["exact"]["kept"][at] == pytest.approx(found.share)
    widget.target = next(i for i in range(9) if i not in (widget.target, widget.against))
    assert widget._circuit == {}


def difference(logits):
    return float(logits[9] - logits[5])


@pytest.mark.parametrize("outside", ["corrupted", "mean", "zero"])
def test_a_circuit_is_that_of_the_pair_that_is_shown(outside):
    clean, corrupted = traces(n=3)
    widget = vl.Causes(clean, corrupted, 9, 5, image=2, outside=outside)
    found = widget.find_circuit()
    mean = mean_written([corrupted]) if outside == "mean" else None
    runs = CircuitRuns(clean, corrupted, outside, mean=mean)  # of all pairs: the third is asked
    graph = runs.graph
    circuits = [found.edges, np.zeros_like(found.edges), graph.allowed & ~found.edges]
    answers = runs.logits(np.stack([graph.pruned(edges) for edges in circuits]))[:, 2]
    own, ablated, without = map(difference, answers)
    whole = difference(clean.logits[2])
    assert found.of_clean == pytest.approx([whole], rel=1e-4)
    assert found.share == pytest.approx((own - ablated) / (whole - ablated), rel=1e-3, abs=1e-5)
    sent = widget._circuit
    assert sent["outside"] == outside
    assert sent["without"] == pytest.approx(
        (without - ablated) / (whole - ablated), rel=1e-3, abs=1e-5
    )
    assert sent["answer"] == int(answers[0].argmax())
    if outside != "mean":
        pair = [clean.vit.trace(one[2:], preprocessed=True) for one in pixels_of(clean.vit, 3)]
        expected = vl.analysis.circuit(*pair, (9, 5), method="threshold", ablation=outside)
        assert found.size == expected.size


def test_estimates_are_those_of_the_pair_alone():
    clean, corrupted = traces("registers", n=3)
    found = PairSource(clean, corrupted).estimates(3, 8, 1, "denoising", "k")
    alone = [clean.vit.trace(one[1:2], preprocessed=True) for one in pixels_of(clean.vit, 3)]
    for one, expected in zip(
        found, PairSource(*alone).estimates(3, 8, 0, "denoising", "k"), strict=True
    ):
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-5)


def test_a_circuit_that_was_given_stays_as_it_was():
    widget = vl.Causes(*traces(), 9, 5)
    first = widget.find_circuit()
    names, sizes, edges = [one.name for one in first.curves], first.curves[0].sizes, first.edges
    second = widget.find_circuit("greedy")
    assert second.size < first.size
    assert [one.name for one in first.curves] == names
    assert (first.curves[0].sizes == sizes).all()
    assert (first.edges == edges).all()
    assert len(second.curves) == 2
