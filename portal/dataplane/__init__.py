"""The embedded gateway: a process of its own in front of published APIs. Of ours it imports the kit alone."""
