# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with the model hub, the network and the disk while a model is fetched, each as one sentence."""

from __future__ import annotations

import errno
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from .entry import DownloadCancelled, Entry, ModelError


class DownloadError(ModelError):
    """A download cannot be done; the text is one sentence that says why and what to do."""


def endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def is_offline() -> bool:
    return huggingface_hub.is_offline_mode()


@contextmanager
def hub_problems(entry: Entry) -> Iterator[None]:
    """Raises DownloadError in the place of what the hub's library, the network and the disk raise."""
    page = f"{endpoint()}/{entry.repository}"
    try:
        if is_offline():
            raise OfflineModeIsEnabled
        yield
    except (ModelError, DownloadCancelled):
        raise
    except OfflineModeIsEnabled:
        sentence = f"{entry.title} is not downloaded, because HF_HUB_OFFLINE is set: unset it and try again."
        raise DownloadError(sentence) from None
    except GatedRepoError as error:
        sentence = f"{entry.title} asks for an account: accept its terms at {page} and set HF_TOKEN to your token."
        raise DownloadError(sentence) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise DownloadError(f"The model hub has no repository {page}: correct its model file.") from error
    except RevisionNotFoundError as error:
        raise DownloadError(f"{page} has no revision '{entry.revision}': correct its model file.") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise DownloadError(f"The model hub answered {status} for {page}: try again later.") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DownloadError(
                f"The disk is full: make room and download {entry.title} again; what has come is kept."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DownloadError(
                f"{error.filename} cannot be written: give yourself the right to, or move your folder."
            ) from error
        raise DownloadError(explain(entry, error)) from error
    except Exception as error:  # the HTTP library's own, which are no OSErrors, and what is no answer of a hub
        raise DownloadError(explain(entry, error)) from error


def explain(entry: Entry, error: Exception) -> str:
    """What is in the way between here and the hub, and what to do."""
    address = urlsplit(endpoint())
    proxy = urlsplit(urllib.request.getproxies().get(address.scheme, "")).hostname
    words = str(error).strip()
    if isinstance(error, ValueError):  # no JSON
        return (
            f"{address.hostname} does not answer as a model hub does: log in to the network that you are in, or see what "
            "HF_ENDPOINT says, and try again."
        )
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return (
            f"The certificate of {address.hostname} is not trusted here: set SSL_CERT_FILE to your network's certificates, start "
            "Blender and the server again, and try again."
        )
    if words.startswith("407"):
        return (
            f"The proxy {proxy or ''} asks for a name and a password: put them into HTTPS_PROXY, start Blender and the server "
            "again, and try again."
        )
    if "timed out" in words or "Timeout" in type(error).__name__:
        return f"{address.hostname} does not answer: check the network connection and try again; what has come is kept."
    if proxy and type(error).__name__ in ("ConnectError", "ProxyError"):
        return (
            f"The proxy {proxy} cannot be reached, or lets nobody through ({words}): check the network connection and try again."
        )
    reason = words.splitlines()[0][:200] if words else type(error).__name__
    return (
        f"{entry.title} could not be downloaded from {endpoint()} ({reason}): "
        "check the network and try again; what has come is kept."
    )
