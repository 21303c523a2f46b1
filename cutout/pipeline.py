"""One picture through the whole path, shared by the service, the commands and `RembgModel`."""
