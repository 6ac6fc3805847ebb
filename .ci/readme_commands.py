"""Print the shell commands of one of the README's marked blocks: <!-- run -->, <!-- videos --> or <!-- test -->."""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def commands(name: str) -> str:
    pattern = rf"<!-- {re.escape(name)} -->\s*```bash\n(.*?)```"
    found = re.search(pattern, README.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise SystemExit(f"README.md has no block marked {name}")
    return found.group(1)


if __name__ == "__main__":
    print(commands(sys.argv[1]), end="")
