# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion pipelines: a loader a family, controls, previews."""
