"""Print the installed packages that a running Dozvon does not need: development tools and what only they use.

The lock holds everything in one file, so that one set of versions is tested and shipped; the image leaves
the tools out. Walks the installed packages' own metadata from the project's dependencies.
"""

import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
installed = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}
needed: set[str] = set()
waiting = [Requirement(line) for line in project["dependencies"]]
while waiting:
    requirement = waiting.pop()
    name = canonicalize_name(requirement.name)
    if name in needed and not requirement.extras:
        continue
    needed.add(name)
    for line in installed[name].requires or ():
        part = Requirement(line)
        extras = requirement.extras or {""}
        wanted = part.marker is None or any(part.marker.evaluate({"extra": extra}) for extra in extras)
        if wanted and canonicalize_name(part.name) not in needed:
            waiting.append(part)
print("\n".join(sorted(installed.keys() - needed - {"pip", "setuptools"})))
