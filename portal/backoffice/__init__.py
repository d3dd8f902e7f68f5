"""The operators' desk: everything they look after on one page, and the trail of who did what."""
