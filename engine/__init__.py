"""What a frame becomes: stages, networks, the pipeline and the session that runs it.

Opens no file except weights or plans it is handed, owns no thread and reads no clock.
"""
