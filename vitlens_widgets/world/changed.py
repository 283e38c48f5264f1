"""The same scene with one thing changed, for what is compared with it: activation patching, edits.

Background, clutter, the other things and the noise of the picture are the same, pixel for pixel,
wherever the thing is neither before nor after.

>>> clean = vl.world.scene(7, objects=2, classes=["cat", "dog"])
>>> corrupted = vl.world.without(clean, "cat")
>>> vl.analysis.activation_patching(vit.trace(clean), vit.trace(corrupted), "cat")
"""

from __future__ import annotations

from vitlens_widgets.errors import (
    UsageError,
    check_number,
    check_seed,
    check_type,
    quoted_list,
    whole_number,
)
from vitlens_widgets.world.changes import Change, Moved, Recoloured, Removed, Swapped
from vitlens_widgets.world.labels import CLASSES
from vitlens_widgets.world.scene import Scene, checked_classes, drawn

Thing = str | int


def without(scene: Scene, thing: Thing) -> Scene:
    """The scene without one thing; what it hid can be seen.

    Args:
        scene: From `vl.world.scene`, or changed already.
        thing: Its class, or its place among `scene.names`, counted from 0.

    Raises:
        UsageError: It is not there, or several are of that class.
    """
    return _changed(scene, Removed(_place(scene, thing)))


def recoloured(scene: Scene, thing: Thing, turn: float = 0.5) -> Scene:
    """The scene with one thing in other colours of the same saturation and brightness.

    Args:
        scene: From `vl.world.scene`, or changed already.
        thing: Its class, or its place among `scene.names`.
        turn: By how much every hue is turned, 0 to 1 once around: 0.5 gives opposite colours. What
            is grey stays as it is.

    Raises:
        UsageError: The thing is not there or not the only one, or a turn that changes nothing.
    """
    turn = check_number("turn=", turn)
    if turn % 1 == 0:
        raise UsageError(f"turn={turn:g} turns every hue once around, to what it was; give 0.5.")
    return _changed(scene, Recoloured(_place(scene, thing), turn))


def moved(scene: Scene, thing: Thing, right: float = 0.0, down: float = 0.0) -> Scene:
    """The scene with one thing elsewhere.

    Args:
        scene: From `vl.world.scene`, or changed already.
        thing: Its class, or its place among `scene.names`.
        right: How far to the right, in shorter sides of the picture; less than 0 is to the left.
        down: How far down; less than 0 is up.

    Raises:
        UsageError: The thing is not there or not the only one, stays where it is, or cannot be seen
            there any more.
    """
    right, down = check_number("right=", right), check_number("down=", down)
    if right == down == 0:
        raise UsageError("moved takes how far: right= and down=, in shorter sides of the picture.")
    place = _place(scene, thing)
    found = _changed(scene, Moved(place, right, down))
    if not (found.instance_mask == place + 1).any():
        raise UsageError(
            f'Moved by {right:g} to the right and {down:g} down, the "{scene.names[place]}" cannot '
            "be seen any more; move it less far, or take it out by vl.world.without."
        )
    return found


def swapped(scene: Scene, thing: Thing, name: str, seed: int = 0) -> Scene:
    """The scene with another thing in the place of one, as large and turned alike.

    Args:
        scene: From `vl.world.scene`, or changed already.
        thing: Its class, or its place among `scene.names`.
        name: The class of what stands there instead.
        seed: Draws it, in its shape and colours.

    Raises:
        UsageError: The thing is not there or not the only one, no such class, or the same.
    """
    place, (name,) = _place(scene, thing), checked_classes(name)
    if scene.names[place] == name:
        others = quoted_list(one for one in CLASSES if one != name)
        raise UsageError(f'A "{name}" is there already; swap it for another: {others}.')
    return _changed(scene, Swapped(place, name, check_seed(seed)))


def _changed(scene: Scene, change: Change) -> Scene:
    """The scene drawn again, with one more change."""
    height, width = scene.instance_mask.shape
    gone = sum(isinstance(one, Removed) for one in scene.changes)
    objects = len(scene.names) + gone
    return drawn(scene.seed, objects, (height, width), scene.classes, (*scene.changes, change))


def _place(scene: Scene, thing: Thing) -> int:
    check_type("A change", scene, Scene, "a scene of the world, such as vl.world.scene(7)")
    names, place = scene.names, whole_number(thing)
    if place is not None and 0 <= place < len(names):
        return place
    if not names:
        raise UsageError("This scene shows nothing that could be changed.")
    there = f"this scene shows {quoted_list(names)}"
    if not isinstance(thing, str):
        raise UsageError(
            f"A thing is given by its class or its place, 0 to {len(names) - 1}, not by "
            f"{thing!r}; {there}."
        )
    found = [i for i, name in enumerate(names) if name == thing]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f'There is no "{thing}" to change; {there}.')
    places = " or ".join(map(str, found))
    raise UsageError(f'There are {len(found)} things "{thing}"; say which by its place, {places}.')
