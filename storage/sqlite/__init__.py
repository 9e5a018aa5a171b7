"""The store on SQLite: a file, a thread that writes, a connection that reads, and the stream."""
