"""The mark server as a program of its own: prints its address, then answers until it is asked to end."""

from __future__ import annotations

import sys
from pathlib import Path

from atlasplane.web.desks import case_desk
from atlasplane.web.serve import listening

if __name__ == "__main__":
    server = listening(case_desk(Path(sys.argv[1])), port=0)
    print(server.address, flush=True)
    server.run()
