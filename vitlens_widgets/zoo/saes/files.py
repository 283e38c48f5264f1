"""Which files a sparse autoencoder is kept in: in a folder here, or in one of a hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from vitlens_widgets.errors import UsageError, counted, quoted_list, said
from vitlens_widgets.files import existing_path
from vitlens_widgets.zoo.hub import reach

_USUAL = ("sae_weights.safetensors", "ae.pt", "sae.pt")
"""What authors call the weights, before any other name."""
_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
_CONFIGS = ("cfg.json", "config.json")
_NO_WEIGHTS = ("sparsity.safetensors", "log_feature_sparsity.pt", "activation_scaler.pt")
_OFFLINE = "a file or a folder of a sparse autoencoder"


def files_of(source: str | os.PathLike[str], file: str | None) -> tuple[Path, Path | None]:
    """The weights, and the settings beside them where there are any.

    Args:
        source: A file, a folder, or a name on a hub: `owner/name`, or a folder or file in it.
        file: Which file of a folder.

    Raises:
        UsageError: There is none, or there are several, or the hub is out of reach.
    """
    path = existing_path(source)
    if path.is_file():
        names = [one.name for one in path.parent.iterdir()]
        return path, _beside(path.parent, names)
    if path.is_dir():
        names = [one.name for one in path.iterdir() if one.is_file()]
        weights = _weights(os.fspath(source), names, file)
        return path / weights, _beside(path, names)
    owner, _, rest = os.fspath(source).partition("/")
    if not owner or not rest or path.is_absolute() or owner.startswith((".", "~")):
        raise UsageError(
            f"vl.load_sae takes the file or the folder of a sparse autoencoder, or its name on a "
            f'hub ("owner/name"); there is no "{os.fspath(source)}".'
        )
    return reach(os.fspath(source), lambda: _from_hub(os.fspath(source), file), _OFFLINE)


def _from_hub(source: str, file: str | None) -> tuple[Path, Path | None]:
    """Two files of a repository, fetched or as they were fetched before."""
    import huggingface_hub

    owner, name, *inner = source.split("/")
    repository, folder = f"{owner}/{name}", "/".join(inner)
    if folder.endswith(_SUFFIXES):
        folder, _, file = folder.rpartition("/")
    here = [
        known.name
        for known in map(PurePosixPath, _names(repository))
        if known.parent == PurePosixPath(folder)
    ]
    weights = _weights(source, here, file)

    def fetched(name: str) -> Path:
        inner = f"{folder}/{name}" if folder else name
        return Path(huggingface_hub.hf_hub_download(repository, inner))

    config = next((one for one in _CONFIGS if one in here), None)
    return fetched(weights), None if config is None else fetched(config)


def _names(repository: str) -> Sequence[str]:
    """The files of a repository; of one that is out of reach those that are here."""
    import huggingface_hub
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        return huggingface_hub.HfApi().list_repo_files(repository)
    kept = Path(huggingface_hub.snapshot_download(repository, local_files_only=True))
    return [one.relative_to(kept).as_posix() for one in kept.rglob("*") if one.is_file()]


def _weights(source: str, names: Sequence[str], file: str | None) -> str:
    """The file of weights among those of a folder.

    Raises:
        UsageError: There is none, or it must be told which.
    """
    known = sorted(n for n in names if n.endswith(_SUFFIXES) and n not in _NO_WEIGHTS)
    if file is not None:
        if file not in names:
            raise UsageError(f"{source} has no file {said(file)}; it has {quoted_list(known[:8])}.")
        return file
    usual = [name for name in _USUAL if name in known]
    if usual or len(known) == 1:
        return (usual or known)[0]
    if not known:
        raise UsageError(
            f"{source} has no weights of a sparse autoencoder in it: no file ends in "
            f"{', '.join(_SUFFIXES)}. Where it has folders, name one of them."
        )
    raise UsageError(
        f"{source} has {counted(len(known), 'file')} of weights, {quoted_list(known[:8])}: say "
        f'which by file="{known[0]}".'
    )


def _beside(folder: Path, names: Sequence[str]) -> Path | None:
    """The settings in the folder of weights."""
    return next((folder / one for one in _CONFIGS if one in names), None)
