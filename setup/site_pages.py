"""Hooks of the site (`make site`): pages that are made from other files, and links that leave docs/.

In the checkout and at its host, links between files lead to files. On the site, those that leave docs/ lead
to the repository.
"""

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent

REFERENCE: Final = """# Python API

Everything that programs import, from its docstrings.

## `pulumi_groq`

{names}

## `pulumi_groq.access`

::: pulumi_groq.access
    options:
      show_root_heading: false

## `pulumi_groq.admin`

The [Python client](python-client.md) of the admin API.

::: pulumi_groq.admin.AdminClient

::: pulumi_groq.admin.AdminSettings
"""

_LINK: Final = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The home page, the changelog and the reference."""
    home = _LINK.sub(_from_the_root, (ROOT / "README.md").read_text(encoding="utf-8"))
    changelog = _LINK.sub(_from_the_root, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for uri, content in (("index.md", home), ("changelog.md", changelog), ("reference.md", _reference())):
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Links that leave docs/ lead to the repository. Raises `PluginError` for one that leads nowhere."""

    def outside(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        if not target.startswith("../"):
            return found.group()
        path = ROOT / target.removeprefix("../")
        if not path.exists():
            raise PluginError(f"{page.file.src_uri}: there is no {target}")
        kind = "tree" if path.is_dir() else "blob"
        return f"{before}{config.repo_url}/{kind}/main/{path.relative_to(ROOT)}{after}"

    return _LINK.sub(outside, markdown)


def _from_the_root(found: re.Match[str]) -> str:
    before, target, after = found.groups()
    if target == "CHANGELOG.md":
        return f"{before}changelog.md{after}"
    inside = target.removeprefix("docs/")
    return f"{before}{inside if inside != target else '../' + target}{after}"


def _reference() -> str:
    import pulumi_groq  # noqa: PLC0415  in the environment of the site only

    names = "\n\n".join(f"::: pulumi_groq.{name}" for name in pulumi_groq.__all__)
    return REFERENCE.format(names=names)
