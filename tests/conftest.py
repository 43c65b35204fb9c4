# SPDX-License-Identifier: GPL-3.0-or-later
"""For all tests: nothing touches the user's own folders, and what is required may not be skipped."""

import os
import shutil
import tempfile
from collections.abc import Generator

import pytest
from checkout import not_for_this_suite, required

# Before anything imports bpy or the package: both read these once.
_HOME = tempfile.mkdtemp(prefix="p2a-tests-")
os.environ["POSE_TO_ANIME_HOME"] = os.path.join(_HOME, "home")
os.environ["BLENDER_USER_RESOURCES"] = os.path.join(_HOME, "blender")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may depend on what a hub answers today
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else torch's waiting threads spin, and starve others on a busy machine


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


def pytest_ignore_collect(collection_path) -> bool | None:
    """`studio.py test` runs the files that need bpy and those that need torch in different environments."""
    return not_for_this_suite(collection_path) or None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needs = {name for mark in item.iter_markers("requires") for name in mark.args}
    if report.skipped and not hasattr(report, "wasxfail") and needs & required():
        report.outcome = "failed"
        report.longrepr = f"Skipped, though {' and '.join(sorted(needs & required()))} must be there: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and os.environ.get("POSE_TO_ANIME_SUITE", "") in required():
        report.outcome = "failed"
        report.longrepr = f"The whole file was skipped, though its environment must be complete: {report.longrepr}"
    return report
