# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin's skin: a closed quad mesh with weights, lofted from the numbers of a body file. numpy only, no bpy."""
