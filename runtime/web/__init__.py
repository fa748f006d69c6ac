"""The web gateway: a viewer of the stream that serves browsers. A process of its own, no torch.

app.py puts the parts together, server.py runs them. static/ is the page.
"""
