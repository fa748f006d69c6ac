"""The sound of a stream: read beside the pictures, coded as Opus, let out on their clock.

coder.py makes Opus of whatever a source brings; moments.py tells when a picture of a given time is
captured; file.py and live.py let the sound of files and of network sources out; playout.py tells a
viewer when to play it. Nothing here needs torch, and pictures never wait for any of it.
"""
