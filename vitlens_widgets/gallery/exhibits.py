"""The widgets of the tutorials, as a gallery shows them: the same scenes, models and choices."""

from __future__ import annotations

import functools

import numpy as np

from vitlens_widgets import world
from vitlens_widgets.lenses import (
    FrozenNormLens,
    InfillLens,
    LogitLens,
    Reading,
    SteeringLens,
    TunedLens,
)
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.widgets import (
    AttentionMaps,
    Causes,
    DecodedImages,
    Explorer,
    Features,
    InfillStrip,
    PatchFeatures,
    PatchGrid,
    RelevanceMaps,
    explore,
    link,
)
from vitlens_widgets.world.scene import Scene
from vitlens_widgets.zoo import load, load_decoder


@functools.cache
def _model(name: str = "toy/p32") -> ViT:
    return load(name)


def _read(images: list[np.ndarray], name: str = "toy/p32") -> Reading:
    return LogitLens(_model(name)).read(_model(name).trace(images))


def _names(scene: Scene) -> str:
    return " and ".join(scene.names)


def _linked(widgets: list[PatchGrid]) -> list[PatchGrid]:
    link(*widgets)
    return widgets


def quickstart() -> PatchGrid:
    """00: a patch in the middle pinned, the second most probable answer as the target."""
    scene = world.scene(seed=7, objects=2)
    reading, layout = _read([scene.image]), _model().layout
    grid = PatchGrid(reading, caption=_names(scene))
    grid.token = layout.token(row=layout.rows // 2, col=layout.cols // 2)
    grid.target = reading.readout.top(2).index[-1, 0, 1]
    return grid


def classification() -> PatchGrid:
    """01: the first of eight scenes."""
    scenes = [world.scene(seed) for seed in range(8)]
    reading = _read([scene.image for scene in scenes])
    return PatchGrid(reading, image=0, caption=_names(scenes[0]))


def infilling() -> InfillStrip:
    """02: the first of three scenes, three quarters hidden."""
    mae = _model("toy/mae")
    scenes = [world.scene(seed, objects=2, size=mae.image_size) for seed in range(3)]
    images = [scene.image for scene in scenes]
    found = InfillLens(mae).read(images, mask_ratio=0.75, seed=2)
    return InfillStrip(found, truth=scenes, caption=_names(scenes[0]))


def segmentation() -> PatchGrid:
    """03: four things, each patch in the colour of its class."""
    scene = world.scene(seed=0, objects=4)
    caption = ", ".join(scene.names)
    return PatchGrid(_read([scene.image]), tint="class", caption=caption)


def twins() -> list[PatchGrid]:
    """03: one thing, for a model whose patches find it and for its CLS-only twin."""
    scene = world.scene(seed=0)
    readings = [_read([scene.image], name) for name in ("toy/p32", "toy/p32-cls")]
    return _linked(
        [PatchGrid(one, target=scene.names[0], caption=_names(scene)) for one in readings]
    )


def norms() -> list[PatchGrid]:
    """03: the logit lens and the frozen norm, at the state where they disagree most."""
    scene = world.scene(seed=0)
    trace, patches = _model().trace([scene.image]), _model().layout.patches
    lenses = (LogitLens(_model()), FrozenNormLens(_model()))
    readings = [lens.read(trace) for lens in lenses]
    own, frozen = (one.top(1).index[:, 0, patches, 0] for one in readings)
    most = int((own != frozen).sum(-1).argmax())
    return _linked([PatchGrid(one, state=most, caption=_names(scene)) for one in readings])


def lenses() -> PatchGrid:
    """The logit lens and the tuned lens that comes with the model, one under the other."""
    scene = world.scene(seed=45, objects=2, classes=("cat", "umbrella"))
    vit = _model()
    trace = vit.trace([scene.image])
    readings = [lens.read(trace) for lens in (LogitLens(vit), TunedLens.load("toy/p32", vit))]
    tuned, logit = TunedLens.name, LogitLens.name
    how = {"lens": tuned, "beside": logit, "state": 3, "target": "cat"}
    return PatchGrid(readings, caption=_names(scene), **how)


@functools.cache
def _tour() -> tuple[list[Scene], Trace]:
    """04: twelve scenes and their trace."""
    scenes = [world.scene(seed, objects=2) for seed in range(12)]
    return scenes, _model().trace([scene.image for scene in scenes])


def heads() -> AttentionMaps:
    """04: all heads."""
    return AttentionMaps(_tour()[1])


def same_object() -> AttentionMaps:
    """04: the head that stays most on the thing it asks from, asked from one, with a lens."""
    from vitlens_widgets.analysis import heads

    (scenes, trace), layout = _tour(), _model().layout
    found = heads.same_object(trace, [scene.instance_mask for scene in scenes])
    best = max(found.table().to_dict("records"), key=lambda row: row["ratio"])
    shares = layout.coverage(scenes[0].instance_mask == 1)
    token = layout.token(*divmod(int(shares.argmax()), layout.cols))
    reading = LogitLens(_model()).read(trace)
    where = {"layer": best["layer"], "head": best["head"], "token": token}
    return AttentionMaps(trace, reading=reading, **where)


def rollout() -> AttentionMaps:
    """04: what the CLS token draws on, through all layers."""
    _, trace = _tour()
    return AttentionMaps(trace, show="rollout", layer=_model().n_layers - 1, token=0)


def relevance() -> RelevanceMaps:
    """08: what two answers to the scene of the quick start rest on, with the removal curves."""
    scene = world.scene(seed=7, objects=2)
    trace = _model().trace(scene.image)
    return RelevanceMaps(trace, list(scene.names), caption=_names(scene))


def causes() -> Causes:
    """What made "cat": the scene of the README with and without it, three places exchanged."""
    scene = world.scene(45, objects=2, classes=("cat", "umbrella"))
    without = world.without(scene, "cat")
    clean, corrupted = (_model().trace(one.image) for one in (scene, without))
    heads = [("head", 3, 1), ("head", 4, 2), ("head", 2, 2)]
    return Causes(
        clean,
        corrupted,
        "cat",
        "umbrella",
        layer=3,
        head=1,
        exchanged=heads,
        names=("with", "without"),
        caption="one scene, the cat taken away",
    )


def cut_off() -> list[PatchGrid]:
    """06: ranks of the true class, with attention as it is and with each patch on its own."""
    import torch

    from vitlens_widgets.trace import edits

    vit, scene = _model(), world.scene(seed=0)
    patches = vit.layout.patches
    alone = torch.eye(vit.layout.n_tokens)[patches]
    edit = edits.Replace("pattern", range(vit.n_layers), alone, query=patches)
    readings = [LogitLens(vit).read(vit.trace(scene.image, edits=some)) for some in ([], [edit])]
    captions = (_names(scene), f"{_names(scene)}, each patch alone")
    return _linked(
        [
            PatchGrid(one, caption=caption, target=scene.names[0], tint="rank")
            for one, caption in zip(readings, captions, strict=True)
        ]
    )


def mlp_words() -> PatchGrid:
    """07: what the MLP of each block says at every patch."""
    vit, scene = _model(), world.scene(seed=0)
    reading = LogitLens(vit).read(vit.trace(scene.image), site="mlp_out")
    return PatchGrid(reading, target=scene.names[0], caption=_names(scene))


def decoded() -> DecodedImages:
    """10: states and heads of two scenes, painted."""
    vit, scenes = _model("toy/clip"), [world.scene(seed, objects=2) for seed in (7, 8)]
    lens = SteeringLens(vit, load_decoder("toy/unclip"))
    trace = vit.trace([scene.image for scene in scenes])
    judge = _model("toy/p32-taught")
    return DecodedImages(lens, trace, judge=judge, seeds=1, caption=_names(scenes[0]))


def neurons() -> Features:
    """Neurons of the last three blocks: what makes them fire; four of them with their pictures."""
    from vitlens_widgets.analysis import activations

    vit, scene = _model(), world.scene(seed=7, objects=2)
    found = activations(vit, world.Scenes(objects=2), layers=[3, 4, 5], n_images=200)
    widget = Features(found, vit, scene.image, caption="scenes of two things")
    telling = found.selectivity()
    for name in ("apple", "cat", "car"):
        areas = telling.auc[..., telling.labels.index(name)]
        place, feature = np.unravel_index(areas.argmax(), areas.shape)
        widget.keep((found.layers[place], int(feature)))
    return widget


def features() -> PatchFeatures:
    """Patches of a model without a classifier, compared with one on an apple, in three scenes."""
    mae = _model("toy/mae")
    scenes = [world.scene(seed, objects=2, size=mae.image_size) for seed in (45, 7, 8)]
    trace = mae.trace([scene.image for scene in scenes])
    return PatchFeatures(trace, token=trace.layout.token(3, 7), caption=_names(scenes[0]))


def taught() -> PatchFeatures:
    """The first of these scenes, with three classes taught by three clicks each."""
    widget = features()
    clicks = {
        "apple": [(3, 6), (3, 7), (3, 8)],
        "key": [(9, 6), (10, 7), (11, 9)],
        "wall": [(0, 0), (0, 11), (1, 13)],
    }
    for name, patches in clicks.items():
        for row, col in patches:
            widget.add(name, 0, (row, col))
    widget.token, widget.mode = None, "teach"
    return widget


def explorer() -> Explorer:
    """Every view of the scene of the quick start."""
    scene = world.scene(seed=7, objects=2)
    token = _model().layout.token(3, 3)
    caption = _names(scene)
    return explore(_model(), scene, mae=_model("toy/mae"), token=token, caption=caption)
