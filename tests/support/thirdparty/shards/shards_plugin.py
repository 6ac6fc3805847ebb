"""A plugin whose library is not there."""

raise ImportError("libshards.so.3: cannot open shared object file")
