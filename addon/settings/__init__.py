# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user chose, saved in the .blend, a module a feature."""
