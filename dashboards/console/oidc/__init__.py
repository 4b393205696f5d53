"""Logging in by an OpenID Connect provider: settings, the way there and back, its tokens, whom they make somebody here. docs/console.md."""
