"""The files of a finished run: result documents, clips tables, and rows made of both."""
