"""Prints the recipe's JSON schema: ``python -m throughline.recipe``."""

import json
import sys

from throughline.recipe.schema import json_schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n")
