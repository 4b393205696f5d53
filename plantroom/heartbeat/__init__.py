"""What the supervisor says of a site to who watches it from outside: docs/watch.md."""
