"""Documents of strangers: from bytes to a tree, and from the tree to rows that are quick to read."""
