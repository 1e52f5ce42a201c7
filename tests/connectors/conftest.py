"""From a plain checkout the folder `connectors/` is importable as `dunning_connectors`, as the wheel installs it."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("dunning_connectors") is None:
    folder = Path(__file__).resolve().parents[2] / "connectors"
    spec = importlib.util.spec_from_file_location(
        "dunning_connectors", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["dunning_connectors"] = module
    spec.loader.exec_module(module)
