"""Where packets go: viewers over ZeroMQ, files, nowhere."""
