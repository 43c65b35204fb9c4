# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to OpenPose people: stick figures by their colours, everything else by detectors."""
