"""Print the shell commands of the marked blocks of a page: <!-- run -->, <!-- videos -->, <!-- test --> of the README,
<!-- runs --> of a page of docs/."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def commands(name: str, page: str = "README.md") -> str:
    pattern = rf"<!-- {re.escape(name)} -->\s*```bash\n(.*?)```"
    found = re.findall(pattern, (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    if not found:
        raise SystemExit(f"{page} has no block marked {name}")
    return "".join(found)


if __name__ == "__main__":
    print(commands(*sys.argv[1:]), end="")
