# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the user, not to the file: where the server is and where data lies."""

from collections.abc import Callable

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..generation_server.address import AddressError, read_address
from ..generation_server.protocol import default_server_dir, user_data_dir
from .package import BASE
from .settings.history import limit_listeners

sections: list[Callable[[bpy.types.UILayout, bpy.types.Context], None]] = []
"""What features draw in the Preferences below the server's address."""


def _take_apart(prefs: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    """A pasted connection line brings token and certificate along: they go where they belong."""
    if "#" not in prefs.server_url:
        return
    try:
        server = read_address(prefs.server_url)
    except AddressError:
        return  # it is said when the server is looked for
    prefs.server_token, prefs.server_fingerprint = server.token, server.fingerprint
    prefs.server_url = server.url


def _limits_changed(_prefs: bpy.types.AddonPreferences, _context: bpy.types.Context) -> None:
    for listener in tuple(limit_listeners):
        listener()


class P2A_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = BASE

    server_url: StringProperty(
        name="Server",
        description="Where another computer's generation server is: paste the line that “serve --host 0.0.0.0 --tls” prints "
        "there, or an address such as https://192.168.1.20:8471; empty finds the one on this computer",
        default="",
        update=_take_apart,
    )
    server_token: StringProperty(
        name="Token",
        description="The token of that server, from the file 'token' in its data folder; the one on this computer needs none",
        default="",
        subtype="PASSWORD",
    )
    server_fingerprint: StringProperty(
        name="Certificate",
        description="Fingerprint (SHA-256) of that server's certificate, from its line; empty where authorities vouch for it",
        default="",
    )
    server_dir: StringProperty(
        name="Server's Data Folder",
        description="Where the server on this computer keeps its token, jobs and results; empty is the usual place",
        default="",
        subtype="DIR_PATH",
    )
    start_with_generate: BoolProperty(
        name="Start the Server with Generate",
        description="Where a server's environment is present and none runs, Generate starts one; it ends after ten idle minutes",
        default=True,
    )
    start_with_blender: BoolProperty(
        name="Start the Server with Blender",
        description="Start the server of this computer as soon as Blender is there: the first picture need not wait for it",
        default=False,
    )
    small_model: BoolProperty(
        name="Small Model where no Other Is",
        description="Where no model is chosen and none has been downloaded, paint with the small one that comes with the "
        "extension: simple characters, on any computer",
        default=False,
    )

    explicit_content: BoolProperty(
        name="Explicit Content",
        description="For adults: pictures may be explicit where the negative prompt does not say “nsfw”. Off, it always says so, "
        "and prompts that ask for it are refused. Where a child is in view or in the prompt, sexual content is refused either "
        "way",
        default=False,
    )

    history_gib: FloatProperty(
        name="History (GiB)",
        description="How large the history of your pictures may become; 0: as large as the disk",
        default=50.0,
        min=0.0,
        max=1e6,
        soft_max=1000.0,
        precision=1,
        step=100,
        update=_limits_changed,
    )
    history_count: IntProperty(
        name="History (Pictures)",
        description="How many pictures the history may hold; 0: as many as come",
        default=0,
        min=0,
        soft_max=100000,
        update=_limits_changed,
    )
    history_full: EnumProperty(
        name="Beyond the Limit",
        description="What happens when the history outgrows its limits; favourites and pictures that nobody has seen always stay",
        items=(
            ("ASK", "Ask", "The history's panel says so, and nothing is removed until you press its button"),
            ("OLDEST", "Remove the Oldest", "The history's panel says so in time, then the oldest are removed"),
        ),
        default="ASK",
    )

    pose_assets: BoolProperty(
        name="Poses in the Asset Browser",
        description="Whether the pose library is among Blender's asset libraries; the library's menu switches it",
        default=False,
        options={"HIDDEN"},
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        # A column's heading would stand beside its first switch, wherever that is.
        server = layout.column()
        server.label(text="Generation Server")
        server.prop(self, "server_url", placeholder="on this computer")
        token = server.column()
        token.enabled = bool(self.server_url)
        token.prop(self, "server_token")
        token.prop(self, "server_fingerprint")
        folder = server.column()
        folder.enabled = not self.server_url
        folder.prop(self, "server_dir", placeholder=str(default_server_dir()))
        folder.prop(self, "start_with_generate")
        folder.prop(self, "start_with_blender")
        for draw in sections:
            draw(layout, context)
        pictures = layout.column(heading="Pictures")
        pictures.prop(self, "small_model")
        pictures.prop(self, "explicit_content")
        data = layout.column()
        data.label(text="Your Data")
        data.label(text=iface_("History, poses and models are in {folder}").format(folder=user_data_dir()))
        data.label(text="Set the environment variable POSE_TO_ANIME_HOME before Blender starts to keep them elsewhere.")


def preferences() -> bpy.types.AddonPreferences | None:
    """The user's preferences; None where the package is used without being enabled as an extension."""
    addon = bpy.context.preferences.addons.get(BASE)
    return addon.preferences if addon else None


def allows_explicit() -> bool:
    """Whether the user, an adult, has switched explicit content on; never where there are no preferences."""
    found = preferences()
    return found is not None and bool(found.explicit_content)


def uses_small_model() -> bool:
    """Whether the user lets the small model paint where there is no other."""
    found = preferences()
    return found is not None and bool(found.small_model)


CLASSES: tuple[type, ...] = (P2A_AP_preferences,)
