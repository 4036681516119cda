"""Exit 0 when the address given answers."""

import sys
import urllib.request

urllib.request.urlopen(sys.argv[1], timeout=3)
