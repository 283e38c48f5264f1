"""The training loop: resumes where it stopped, saves as it goes, ends with a weights file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from tqdm import tqdm

from ..network import TRAINED_PATCH, make_network, normalized
from .batches import Batch, stream
from .checkpoint import Checkpoint
from .optimizer import Optimizer
from .recipes import Loss, Recipe


def train(recipe: Recipe, folder: Path, name: str, save_every: int = 200) -> Path:
    """Train to the recipe's end, or go on where an interrupted training in `folder` stopped.

    Args:
        recipe: What to do.
        folder: Where the checkpoint and the finished weights are written.
        name: Shown beside the progress bar, and the stem of both files.
        save_every: Steps between checkpoints. Only whole steps are ever saved, so a training that
            was interrupted and resumed ends with the very weights of one that was not.

    Returns:
        The file with the finished weights, in half precision, for pictures of 112 pixels.

    Raises:
        UsageError: The checkpoint in `folder` is of a training of another length, or torch is
            too old.
    """
    torch.manual_seed(recipe.seed)
    model = make_network(TRAINED_PATCH)
    optimizer = Optimizer(model, recipe.steps)
    checkpoint = Checkpoint(folder / f"{name}.checkpoint", recipe.steps)
    done = checkpoint.load(model, optimizer)
    batches = stream(done, recipe.steps, recipe.batch_size)
    progress = tqdm(batches, initial=done, total=recipe.steps, desc=name, unit="step")
    for batch in progress:
        loss = learn(model, batch, recipe.loss)
        optimizer.step(done)
        done += 1
        progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if done % save_every == 0 or done == recipe.steps:
            checkpoint.save(model, optimizer, done)
    seen = recipe.steps * recipe.batch_size
    return save_weights(model, folder / f"{name}.safetensors", seen)


def save_weights(model: VisionTransformer, path: Path, images: int) -> Path:
    """Write a trained network in half precision; the metadata notes how many `images` it saw."""
    halves = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(halves, path, metadata={"images": str(images)})
    return path


def learn(model: VisionTransformer, batch: Batch, loss: Loss) -> float:
    """Add the gradients of one batch; returns its loss."""
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.head(model.forward_features(normalized(batch.images)))
    value = loss(logits.float(), batch)
    value.backward()
    return value.item()
