"""What people are told by mail: announced with its cause, written in their language, delivered by the worker."""
