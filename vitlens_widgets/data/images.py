"""An image from wherever it is: a file, a web address, a PIL image, an array or a tensor."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vitlens_widgets.data.arrays import image_from_array
from vitlens_widgets.data.download import fetch, other
from vitlens_widgets.data.encoded import (
    IN_MEMORY,
    WEB,
    address_kind,
    called,
    content_of,
    data_url,
    opened,
)
from vitlens_widgets.data.rows import image_of, is_encoded
from vitlens_widgets.errors import UsageError, did_you_mean, said
from vitlens_widgets.files import existing_path
from vitlens_widgets.kinds import is_array, is_binary, is_mapping, is_several

_HEIC = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_KINDS = "a path, a web address, a PIL image, a NumPy array, a torch tensor or bytes"


def read_image(source: Any, *, sha256: str | None = None) -> Image.Image:
    """An image in RGB, as one sees it: turned upright and laid on white where it is transparent.

    Args:
        source: one image, as
            - a path;
            - a web address, fetched once, then kept in the user's cache folder: a PNG, JPEG, WebP,
              GIF, BMP or AVIF up to 64 MB and 100 million pixels, within two minutes; or a `data:`
              address that holds one itself;
            - a PIL image of any mode; 16-bit grey values are scaled to 8 bits;
            - a NumPy array `[H, W]`, `[H, W, 1]`, `[H, W, 3]` or `[H, W, 4]` (RGBA);
            - a torch tensor `[H, W]`, `[1, H, W]`, `[3, H, W]` or `[4, H, W]`;
            - the bytes of a file, or an open file (`io.BytesIO`), within the same bounds; TIFF,
              PPM and JPEG 2000 are read, too;
            - a row of Hugging Face with one column of images, or `{"bytes": ..., "path": ...}`;
            - what has such an `image`, as a scene and an example of a data set have.
            Of an animation or of several pages, the first is read; `vit.trace` takes them all.
            Arrays and tensors hold 0 to 255 as uint8, 0 to 1 as floats, or booleans.
        sha256: for a path or a web address, what the file's checksum must be.

    Raises:
        UsageError: there is no such file, it is no image or is cut short, it has another checksum,
            the address cannot be reached, it is beyond those bounds, or an array has another
            shape, type or range.
    """
    if sha256 is not None and not isinstance(source, (str, Path)):
        raise UsageError(f"sha256= goes with a file or a web address, not with {said(source)}.")
    if isinstance(source, Image.Image):
        with _sentences("This PIL image"):
            return _upright_rgb(source, "This PIL image")
    if isinstance(source, str) and not source.strip():
        raise UsageError(f"An image is {_KINDS}; this is an empty text.")
    if kind := address_kind(source):
        return _read_address(str(source), kind, sha256)
    if isinstance(source, (str, Path)):
        return _read_file(existing_path(source), f'"{source}"', sha256)
    if is_mapping(source):
        return _read_row(source)
    if is_binary(source) or hasattr(source, "read"):
        return image_from_bytes(content_of(source), str(getattr(source, "name", "")))
    if is_tensor(source):
        return image_from_array(_as_numpy(source), channels_first=True)
    if is_array(source) or hasattr(source, "__array__"):
        return image_from_array(np.asarray(source), channels_first=False)
    if isinstance(getattr(source, "image", None), (np.ndarray, Image.Image)):
        return read_image(source.image)
    hint = " vit.trace takes a list." if is_several(source) else ""
    raise UsageError(f"An image is {_KINDS}; this is {said(source)}.{hint}")


def image_from_bytes(content: bytes, name: str = "") -> Image.Image:
    """The image that a file's bytes hold, as `read_image` gives it.

    Args:
        content: The whole file.
        name: What the user calls it, for the error's sentence.

    Raises:
        UsageError: It is no image, is cut short, or is empty.
    """
    return _decoded(content, called(name), IN_MEMORY)


def _decoded(content: bytes, said: str, formats: Sequence[str]) -> Image.Image:
    if not content:
        raise UsageError(f"{said} is empty: it has no bytes.")
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC and "HEIF" not in Image.OPEN:
        raise UsageError(_no_heic(said))
    with _sentences(said, formats), opened(io.BytesIO(content), said, formats) as image:
        return _upright_rgb(image, said)


def _read_row(row: Mapping[str, Any]) -> Image.Image:
    if not is_encoded(row):
        return read_image(image_of(row))
    content, path = row.get("bytes"), row.get("path")
    if content is None and path is None:
        raise UsageError("This row has neither an image's bytes nor its path.")
    return read_image(path) if content is None else image_from_bytes(content, path or "")


def _no_heic(said: str) -> str:
    return (
        f"{said} is HEIC, which Pillow reads only with pillow-heif: pip install pillow-heif, then "
        "import pillow_heif; pillow_heif.register_heif_opener(); or save it as JPEG."
    )


def is_tensor(source: Any) -> bool:
    """Whether it is a torch tensor, of whatever subclass (tv_tensors.Image, fastai's ...)."""
    kinds = type(source).__mro__
    return any(kind.__name__ == "Tensor" and kind.__module__ == "torch" for kind in kinds)


def _as_numpy(tensor: Any) -> np.ndarray:
    if tensor.is_meta:
        raise UsageError(
            "This tensor is on the meta device, without values; expected an image's values."
        )
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if str(tensor.layout) != "torch.strided":
        raise UsageError(
            f"This tensor is of layout {tensor.layout}; expected an image's values, as "
            "tensor.to_dense() gives them."
        )
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.float()  # NumPy has no bfloat16
    return tensor.numpy()


def _read_address(source: str, kind: str, sha256: str | None) -> Image.Image:
    if kind == "data:":
        return _decoded(data_url(source), "This data: address", WEB)
    if kind not in ("http:", "https:"):
        raise UsageError(
            f'"{source}" is an address of the kind {kind}//; images are read from https:// and '
            "http://, and from files on this machine by their path."
        )
    path = fetch(source, sha256)
    try:
        return _read_file(path, f'"{source}"', formats=WEB)
    except UsageError:
        path.unlink(missing_ok=True)  # or an error page would stay in the cache
        raise


def _read_file(
    path: Path, said: str, sha256: str | None = None, formats: Sequence[str] | None = None
) -> Image.Image:
    """The image in a file; `said` is what the user called it."""
    if path.is_dir():
        raise UsageError(f"{said} is a folder: give one image file.")
    if not path.is_file():
        raise UsageError(_missing(path, said))
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256.lower():
        raise UsageError(f"{said} is not the file that was expected: {other(sha256)}")
    with _sentences(said, formats), opened(path, said, formats) as image:
        return _upright_rgb(image, said)


@contextmanager
def _sentences(said: str, formats: Sequence[str] | None = None) -> Generator[None]:
    """What Pillow raises while it opens and decodes, said in a sentence."""
    try:
        yield
    except UsageError:
        raise
    except UnidentifiedImageError:
        if said.strip('"').casefold().endswith((".heic", ".heif")):
            raise UsageError(_no_heic(said)) from None
        read = f"of a kind that is read here ({', '.join(formats)})" if formats else ""
        raise UsageError(f"{said} is not an image {read or 'that Pillow can read'}.") from None
    except PermissionError:
        raise UsageError(f"{said} may not be read: check the file's permissions.") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UsageError(f"{said} has more than {limit} megapixels: make it smaller.") from None
    except (OSError, EOFError, SyntaxError, ValueError, struct.error) as error:
        reason = str(error).split("\n")[0]
        raise UsageError(f"{said} is damaged or cut short ({reason}): get it again.") from None


def _missing(path: Path, said: str) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f'There is no file {said}: the folder "{folder}" does not exist.'
    near = did_you_mean(path.name, (entry.name for entry in folder.iterdir()))
    return f"There is no file {said}.{near}"


def _upright_rgb(image: Image.Image, said: str) -> Image.Image:
    if not (image.width and image.height):
        raise UsageError(f"{said} is empty: {image.width} x {image.height} pixels.")
    is_wide = image.mode.startswith("RGB") and ";16" in str(getattr(image, "tile", ""))
    image.load()
    image = ImageOps.exif_transpose(image)
    if is_wide:  # Pillow keeps the upper 8 bits of 16
        _check_wide(int(np.asarray(image.convert("RGB")).max()) * 256, said)
    return _rgb(image, said)


def _rgb(image: Image.Image, said: str) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_wide_grey(np.asarray(image), image.mode, said)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _from_wide_grey(grey: np.ndarray, mode: str, said: str) -> Image.Image:
    """Grey values of more than 8 bits: floats in [0, 1], or integers of 16 bits."""
    if mode == "F":
        return image_from_array(grey, channels_first=False)
    low, high = int(grey.min()), int(grey.max())
    if low < 0 or high > 65535:
        raise UsageError(
            f"{said} has grey values from {low} to {high}; expected 16 bits, 0 to 65535."
        )
    _check_wide(high, said)
    return image_from_array(grey / np.float32(65535), channels_first=False)


def _check_wide(high: int, said: str) -> None:
    """Refuse 16 bits of which the upper ones are empty: what is white there, nobody can tell.

    Raises:
        UsageError: The brightest value would be below a quarter of white.
    """
    if 0 < high < 2**14:
        bits = max(8, high.bit_length())
        raise UsageError(
            f"{said} has 16 bits, and no value that needs more than {bits}: what is white is "
            "uncertain. Give an array of floats from 0 to 1: divided by 4095 if white is 4095 (12 "
            "bits, as cameras and scanners store theirs), by 65535 if the image is that dark."
        )
