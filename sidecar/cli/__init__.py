"""`abai` on the command line: a client of the same JSON-RPC methods that the app's window uses."""
