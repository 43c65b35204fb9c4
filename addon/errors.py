# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a person caused and a person can mend."""


class UserError(Exception):
    """Its text is one sentence that says what is wrong and what to do.

    Operators report it; the command line prints it and exits 2.
    """
