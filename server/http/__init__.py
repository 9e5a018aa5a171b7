"""HTTP on the same port: the page, its files, QR codes, health and metrics."""
