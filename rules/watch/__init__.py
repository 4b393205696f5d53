"""`plantroom watch`: on another machine, hears the heartbeats of installations and tells people when one falls silent. docs/watch.md."""
