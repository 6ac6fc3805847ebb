"""A plugin that cannot be imported."""

raise ImportError("libtoy.so.7: cannot open shared object file")
