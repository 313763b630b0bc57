"""`python -m cloudcache`."""

from cloudcache.cli import app

app(prog_name="cloudcache")
