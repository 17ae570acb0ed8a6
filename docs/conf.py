"""Settings of the documentation. It describes the installed package; only its extension is on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import atlasplane

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Atlasplane"
author = "The Atlasplane developers"
copyright = "The Atlasplane developers, Apache-2.0"
version = release = atlasplane.__version__

extensions = ["catalogue", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_numpy_docstring = True

html_theme = "pydata_sphinx_theme"
html_title = f"Atlasplane {release}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
