"""A server for programs (Model Context Protocol): each tool is a command with --json."""
