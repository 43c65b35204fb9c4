# SPDX-License-Identifier: GPL-3.0-or-later
"""One server with the step engine for the tests of a file that leave it as they found it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server_process import RunningServer


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    from server_process import running_server  # here: the plain tests run without the server's packages

    with running_server(tmp_path_factory.mktemp("server")) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
