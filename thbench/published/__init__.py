"""Numbers printed in papers: read, put on another scale, shown."""
