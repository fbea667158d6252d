"""The HTTP face of the virtual tree: WebDAV on wsgidav and cheroot, in a process of its own."""
