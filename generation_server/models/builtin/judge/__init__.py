# SPDX-License-Identifier: GPL-3.0-or-later
"""A judge of pictures: where their figure's joints are, what belongs to it, and whether that is what was asked for.

It is a network of its own that learnt from true renders, and knows nothing of the model whose pictures it judges.
"""
