"""Fetch a model's file from the hub, with the hub's own client, and check it to the last bit.

A download that breaks off goes on where it stopped, in the same run and in the next. No account is
used: the models are public, and no token of the user is sent anywhere.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import ENDPOINT
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils.tqdm import disable_progress_bars

from stereocast.engine.errors import ModelError
from stereocast.engine.models import ModelEntry, ModelFile
from stereocast.runtime.models.store import ModelStore, StoredModel, file_sha256

# The client's transport (httpx, httpx2: it depends on the version) has exceptions that are no
# OSError; the client's own error is both.
_FAILURES = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
_PATIENCE_S = 15.0


@dataclass(frozen=True)
class PullOptions:
    """How to fetch.

    endpoint        another hub, as a URL; None: the client's own choice
    accept_licence  the user agrees to a licence that needs it
    progress        show the client's progress bar
    hub_cache       folder of the hub's client where the file may be already; None: its default
    """

    endpoint: str | None = None
    accept_licence: bool = False
    progress: bool = False
    hub_cache: Path | None = None


def pull(entry: ModelEntry, store: ModelStore, options: PullOptions | None = None) -> StoredModel:
    """Return the model, fetched unless it is here already.

    Raises ModelError in one line: the licence is not accepted, no network, no such file, the file
    is not the one known, no room. Only a file that is right to the last bit gets its name.
    """
    options = options or PullOptions()
    file = entry.file
    if file is None:
        raise ModelError(f"{entry.name} is built in: there is nothing to fetch")
    if entry.needs_acceptance and not options.accept_licence:
        raise ModelError(
            f"{entry.name} is under {entry.licence}, which forbids commercial use: "
            f"if that is all right, add --accept-licence"
        )
    if entry.name in store.names():
        return store.verify(entry.name)
    partial = store.unfinished(entry.name, file.name)
    with _alone(partial, entry.name) as target:
        cached = _in_hub_cache(file, options)
        if cached is not None:
            _copy(cached, target)
        else:
            _download(entry, file, target, options)
        _check(entry, file, partial)
        return store.commit(_described(entry, file, store))


def _described(entry: ModelEntry, file: ModelFile, store: ModelStore) -> StoredModel:
    return StoredModel(
        folder=store.place(entry.name),
        name=entry.name,
        architecture=entry.architecture,
        output=entry.output,
        licence=entry.licence,
        file=file.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        source=f"{file.repository}@{file.revision}",
        encoder=entry.encoder,
    )


@contextmanager
def _alone(partial: Path, name: str) -> Iterator[BinaryIO]:
    """Yield the growing file, at its end; a second pull of the same model is refused."""
    try:
        with partial.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError:
        raise ModelError(f"{name} is being fetched by another process; wait for it") from None
    except OSError as error:
        raise ModelError(f"cannot write {partial}: {error.strerror or error}") from None
    finally:
        _tidy(partial)


def _tidy(partial: Path) -> None:
    """Remove a file that did not begin to grow, and a folder that holds nothing."""
    if partial.is_file() and partial.stat().st_size == 0:
        partial.unlink()
    if not any(partial.parent.iterdir()):
        partial.parent.rmdir()


def _in_hub_cache(file: ModelFile, options: PullOptions) -> Path | None:
    found = try_to_load_from_cache(
        file.repository, file.name, revision=file.revision, cache_dir=options.hub_cache
    )
    return Path(found) if isinstance(found, str) else None


def _copy(source: Path, target: BinaryIO) -> None:
    target.truncate(0)
    with source.open("rb") as file:
        shutil.copyfileobj(file, target, 1 << 20)
    target.flush()


def _download(
    entry: ModelEntry, file: ModelFile, target: BinaryIO, options: PullOptions
) -> None:  # fmt: skip
    """Bring what is still missing of the file into `target`."""
    endpoint = options.endpoint.rstrip("/") if options.endpoint else None
    url = hf_hub_url(file.repository, file.name, revision=file.revision, endpoint=endpoint)
    hub = endpoint or ENDPOINT
    try:
        offer = get_hf_file_metadata(url, token=False, timeout=_PATIENCE_S)
    except _FAILURES as error:
        raise ModelError(f"{entry.name}: {_why(error, hub, file)}") from error
    if offer.size not in (None, file.size_bytes):
        raise ModelError(
            f"{entry.name}: {hub} offers {offer.size} bytes instead of {file.size_bytes}: "
            f"another file, so it is not fetched"
        )
    have = target.tell()
    if have > file.size_bytes:
        target.truncate(0)
        have = 0
    _check_room(entry, file.size_bytes - have, Path(target.name).parent)
    if not options.progress:
        disable_progress_bars("huggingface_hub.http_get")
    try:
        http_get(
            url,
            target,
            resume_size=have,
            headers=build_hf_headers(token=False),
            expected_size=file.size_bytes,
            displayed_filename=entry.name,
        )
    except _FAILURES as error:
        target.flush()
        size = Path(target.name).stat().st_size
        if size > file.size_bytes:
            target.truncate(0)
        raise ModelError(
            f"{entry.name}: the download stopped at {size} of {file.size_bytes} bytes "
            f"({_why(error, hub, file)}); run the command again to go on from there"
        ) from error
    target.flush()


def _why(error: Exception, hub: str, file: ModelFile) -> str:
    """Say in a few words what the hub or the network answered."""
    if isinstance(error, OfflineModeIsEnabled):
        return "the hub's client is set to offline"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403, 404):
            return f"{hub} has no {file.repository}/{file.name} for us (HTTP {status})"
        return f"{hub} answers HTTP {status}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, OSError):
        return "the file ended early"
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"cannot reach {hub}: {first}"


def _check_room(entry: ModelEntry, wanted: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise ModelError(
            f"{entry.name} needs {wanted / 1e6:.0f} MB more in {folder}, "
            f"where {free / 1e6:.0f} MB are free"
        )


def _check(entry: ModelEntry, file: ModelFile, partial: Path) -> None:
    """Delete the file and raise ModelError unless it is the known one."""
    digest = file_sha256(partial)
    if digest != file.sha256:
        size = partial.stat().st_size
        partial.unlink()
        raise ModelError(
            f"{entry.name}: what came is not the known file and was deleted: {size} bytes with "
            f"sha256 {digest}, wanted {file.size_bytes} with {file.sha256}"
        )
