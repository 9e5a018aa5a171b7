"""The SQLite store: opening and migrating a file, writing, reading, and the stream."""
